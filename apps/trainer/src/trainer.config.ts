import { z } from 'zod';
import { SplitSettings } from './plan.js';

export const TrainerConfig = z.strictObject({
  /** Candidates trained at a time, each in a thread of its own. */
  threads: z.int().min(1).max(64).default(1),
  /** What a training thread's JavaScript may take; rows and histograms lie outside of it. Over it, the candidate is given up. */
  threadHeapMegabytes: z.int().min(64).default(1_024),
  /** A candidate that takes longer to train is given up. */
  candidateSecondsMax: z.number().positive().default(600),
  /** What DuckDB may take to read a training set. */
  duckdbMemoryMegabytes: z.int().min(64).default(256),
  duckdbThreads: z.int().min(1).max(64).default(1),
  split: SplitSettings.prefault({}),
});
export type TrainerConfig = z.infer<typeof TrainerConfig>;

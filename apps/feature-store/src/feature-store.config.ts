import { z } from 'zod';

export const FeatureStoreConfig = z
  .strictObject({
    /** Folder of the Parquet history; services on several machines share it. */
    archiveDir: z.string().min(1).default('gyre-data/archive'),
    /** Events in one segment of the archive, at most; and how many must wait before one is written. Training reads what waits from the log, which is slower. */
    archiveBatchEventsMax: z.int().min(1).max(100_000).default(20_000),
    archiveBatchEventsMin: z.int().min(1).default(1_000),
    /** What DuckDB may take for archiving and training sets; over it, it spills to `archiveDir`. */
    duckdbMemoryMegabytes: z.int().min(64).default(512),
    duckdbThreads: z.int().min(1).max(64).default(2),
    /** A training set of fewer rows is not built: the run ends. */
    trainingRowsMin: z.int().min(1).default(20),
    /** How long a training set waits for history that serving has seen already, but that is still on its way to the log. */
    historyWaitMs: z.int().min(0).default(5_000),
  })
  .refine((c) => c.archiveBatchEventsMin <= c.archiveBatchEventsMax, {
    path: ['archiveBatchEventsMin'],
    error: 'must not exceed archiveBatchEventsMax, or no segment is ever written',
  });
export type FeatureStoreConfig = z.infer<typeof FeatureStoreConfig>;

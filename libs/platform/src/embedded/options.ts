import type { Logger } from '../logger.js';

export interface EmbeddedOptions {
  /** Number of partitions of every topic; fixed when the directory is made. */
  partitions: number;
  /** How often the platform tells the time by itself, milliseconds; null: only `tick` does, as in a replay. */
  tickEveryMs: number | null;
  /** UTC milliseconds; stamps what is appended, and the platform's own ticks. Default: the machine's clock. */
  clock?: () => number;
  /** Wait for the disk at every commit, so that loss of power takes nothing. Without it nothing is lost when the process dies. */
  fsync?: boolean;
  logger?: Logger;
  /** Called with the name of each step of a commit (EMBEDDED_STEPS), for tests that kill between them. */
  onStep?: (step: string) => void;
}

/** The steps of a commit, in order. */
export const EMBEDDED_STEPS = {
  append: ['append: written', 'append: committed'],
  task: ['task: folded', 'task: states', 'task: published', 'task: offsets', 'task: written', 'task: committed'],
  job: ['job: performed', 'job: states', 'job: published', 'job: offsets', 'job: written', 'job: committed'],
} as const;

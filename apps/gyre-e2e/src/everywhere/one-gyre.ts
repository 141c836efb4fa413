import { RunningGyre } from '../harness.js';

let started: Promise<RunningGyre> | undefined;

/**
 * The Gyre that all suites of this folder are about. Each has models and views of its own in it, for its start is the dear part: on a cluster eight
 * processes load their code and divide the partitions, which takes a small machine longer than all that is asked of them then.
 */
export function oneGyre(): Promise<RunningGyre> {
  started ??= RunningGyre.start();
  return started;
}

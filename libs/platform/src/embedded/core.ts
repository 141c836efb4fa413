import type { Logger } from '../logger.js';
import type { Engine } from './engine.js';
import type { Log } from './log.js';
import type { Store } from './store.js';

/** What everything that runs on an embedded platform works with. */
export interface Core {
  readonly partitions: number;
  readonly engine: Engine;
  readonly log: Log;
  readonly store: Store;
  readonly logger: Logger;
  /** Told the steps of a commit, for tests that kill between them. */
  readonly onStep: ((step: string) => void) | undefined;
  /** UTC milliseconds; stamps what is appended. */
  now(): number;
  /** The latest tick, UTC milliseconds. */
  time: number;
}

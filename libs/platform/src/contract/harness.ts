import { GyreError, topics, type DeadLetter, type Topic } from '@gyre/contracts';
import type { Platform, Recorded } from '../platform.js';

/** What a test opens a platform with. */
export interface OpenOptions {
  /** Default 3. */
  partitions?: number;
  /** The platform's clock, UTC milliseconds. Default: the machine's. */
  clock?: () => number;
  /** Default null: only the test tells the time. */
  tickEveryMs?: number | null;
  onStep?: (step: string) => void;
}

/** What the contract suite must know of an adapter. */
export interface PlatformHarness {
  readonly name: string;
  /** URL of the module that exports this harness as `harness`: child processes import it. */
  readonly module: string;
  /** A new, empty place for data, by a name that another process can open. */
  place(): Promise<string>;
  /** Opens a platform on a place, new or used. */
  open(place: string, options?: OpenOptions): Promise<Platform>;
  /** Deletes the place's data. */
  remove(place: string): Promise<void>;
  /** The steps of a commit at which a process can die, in order, as `onStep` names them. */
  readonly steps: { append: readonly string[]; task: readonly string[]; job: readonly string[] };
  /**
   * What becomes of a second process while the first one only seems dead: it is `refused` with DATA_DIR_IN_USE, or it
   * `takes over` and what the first one still writes counts for nothing.
   */
  readonly secondOwner: 'refused' | 'takes over';
  /** Changes the bytes of an artifact behind the platform's back. */
  spoil(place: string, sha256: string): Promise<void>;
}

/** What each part of the suite works with: a platform of the test's own, which can be opened again. */
export interface Stage {
  readonly harness: PlatformHarness;
  readonly place: string;
  platform: Platform;
  /** Closes the platform and opens it again on the same data. */
  reopen(options?: OpenOptions): Promise<Platform>;
}

/** Gives every test of the describe around it a fresh stage. */
export function stageOf(harness: PlatformHarness, options: OpenOptions = {}): () => Stage {
  let stage: Stage | undefined;
  beforeEach(async () => {
    const place = await harness.place();
    const made: Stage = {
      harness,
      place,
      platform: await harness.open(place, options),
      reopen: async (again = options) => {
        await made.platform.close();
        made.platform = await harness.open(place, again);
        return made.platform;
      },
    };
    stage = made;
  });
  afterEach(async () => {
    await stage?.platform.close();
    if (stage !== undefined) await harness.remove(stage.place);
    stage = undefined;
  });
  return () => {
    if (stage === undefined) throw new Error('a stage lives within a test');
    return stage;
  };
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** The events of a topic by key, each key's in order. */
export async function byKey<E>(platform: Platform, topic: Topic<E>): Promise<Record<string, E[]>> {
  const events: Record<string, E[]> = {};
  for await (const { key, event } of platform.read(topic)) (events[key] ??= []).push(event);
  return events;
}

export async function deadLetters(platform: Platform): Promise<Recorded<DeadLetter>[]> {
  return all(platform.read(topics.deadletter));
}

/** The code of the GyreError that a promise rejects with. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof GyreError) return error.code;
    throw error;
  }
  return 'no error';
}

/** Waits until something is so, for things that happen by themselves. */
export async function until(what: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await what())) {
    if (performance.now() > end) throw new Error(`not so within ${withinMs} ms: ${what.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

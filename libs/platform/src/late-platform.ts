import { GyreError, type Topic } from '@gyre/contracts';
import type { AppenderRecipe } from './appender-recipe.js';
import { Artifacts } from './artifacts.js';
import type { Job } from './job.js';
import {
  Platform,
  type Following,
  type Lag,
  type Position,
  type Recorded,
  type Replayed,
  type Running,
  type Sequenced,
  type StoredState,
} from './platform.js';
import type { Task } from './task.js';

export interface LateOptions {
  partitions: number;
  live: boolean;
  recipe: AppenderRecipe | null;
  /** Opens the platform; asked again until it is there. */
  open: () => Promise<Platform>;
  /** Told of each try that failed. */
  failed: (error: Error) => void;
  againAfterMs?: number;
}

/**
 * A platform whose servers are away at the start, for a service that can work on what it last knew: it is opened behind, as often as it takes. Until then
 * tasks, jobs, followings and reads of the log wait; everything else is refused with PLATFORM_UNAVAILABLE; and `away` says why.
 */
export class LatePlatform extends Platform {
  readonly partitions: number;
  readonly live: boolean;
  readonly artifacts: Artifacts;
  readonly #recipe: AppenderRecipe | null;
  readonly #opened: Promise<Platform>;
  #platform: Platform | undefined;
  #why = 'it is being opened';
  #closed = false;
  #wake: (() => void) | undefined;

  constructor({ partitions, live, recipe, open, failed, againAfterMs = 1_000 }: LateOptions) {
    super();
    this.partitions = partitions;
    this.live = live;
    this.#recipe = recipe;
    this.artifacts = new LateArtifacts(() => this.#there().artifacts);
    this.#opened = this.#open(open, failed, againAfterMs);
    // Whoever waits for it hears of it; that nobody does is no failure.
    this.#opened.catch(() => undefined);
  }

  override get away(): string | null {
    return this.#platform === undefined ? this.#why : this.#platform.away;
  }

  async #open(open: LateOptions['open'], failed: LateOptions['failed'], againAfterMs: number): Promise<Platform> {
    while (!this.#closed) {
      try {
        const platform = await open();
        if (this.#closed) await platform.close();
        else return (this.#platform = platform);
      } catch (error) {
        this.#why = (error as Error).message;
        failed(error as Error);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, againAfterMs);
          this.#wake = () => (clearTimeout(timer), resolve());
        });
      }
    }
    throw new GyreError('NOT_READY', 'the platform was closed before it could be opened');
  }

  #there(): Platform {
    if (this.#platform !== undefined) return this.#platform;
    throw new GyreError('PLATFORM_UNAVAILABLE', `the platform has not been reached since the start: ${this.#why}`);
  }

  async append<E>(topic: Topic<E>, events: readonly E[]): Promise<Position[]> {
    return this.#there().append(topic, events);
  }
  async appendRaw(
    topic: Topic<Uint8Array>,
    records: readonly { key: string; bytes: Uint8Array }[],
  ): Promise<Position[]> {
    return this.#there().appendRaw(topic, records);
  }
  async appendAs<E>(producer: string, topic: Topic<E>, events: readonly Sequenced<E>[]): Promise<Position[]> {
    return this.#there().appendAs(producer, topic, events);
  }
  appenderRecipe(): AppenderRecipe | null {
    return this.#recipe;
  }

  run<S, E>(task: Task<S, E>): Running {
    return this.#later(task.name, (platform) => platform.run(task));
  }
  work<S, E>(job: Job<S, E>): Running {
    return this.#later(job.name, (platform) => platform.work(job));
  }
  follow<E>(name: string, topic: Topic<E>, handle: (record: Recorded<E>) => void | Promise<void>): Following {
    return this.#later(name, (platform) => platform.follow(name, topic, handle));
  }

  /** Begun when the platform is there, unless it has been stopped by then. */
  #later<R extends Running>(name: string, begin: (platform: Platform) => R): Following {
    let running: R | undefined;
    let stopped = false;
    const begun = this.#opened.then((platform) => {
      if (!stopped) running = begin(platform);
    });
    begun.catch(() => undefined);
    return {
      name,
      stop: async () => {
        stopped = true;
        await running?.stop();
      },
      caughtUp: async () => {
        await begun;
        if (running !== undefined && 'caughtUp' in running) await (running as unknown as Following).caughtUp();
      },
    };
  }

  async states<S>(task: { name: string }, keys: readonly string[]): Promise<Map<string, S>> {
    return this.#there().states<S>(task, keys);
  }
  async *scan<S>(task: { name: string }): AsyncGenerator<StoredState<S>> {
    yield* this.#there().scan<S>(task);
  }
  async *read<E>(
    topic: Topic<E>,
    options?: { key?: string; from?: ReadonlyMap<number, number> },
  ): AsyncGenerator<Recorded<E>> {
    yield* (await this.#opened).read(topic, options);
  }
  async tick(time: number): Promise<void> {
    await this.#there().tick(time);
  }
  async lag(): Promise<Lag[]> {
    return this.#there().lag();
  }
  async settled(): Promise<void> {
    await this.#there().settled();
  }
  async replayDeadLetters(offsets: readonly { partition: number; offset: number }[]): Promise<Replayed> {
    return this.#there().replayDeadLetters(offsets);
  }
  async expire(now: number): Promise<number> {
    return this.#platform === undefined ? 0 : this.#platform.expire(now);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    await this.#platform?.close();
  }
}

class LateArtifacts extends Artifacts {
  constructor(private readonly there: () => Artifacts) {
    super();
  }
  async put(bytes: Uint8Array): Promise<string> {
    return this.there().put(bytes);
  }
  async get(sha256: string): Promise<Uint8Array> {
    return this.there().get(sha256);
  }
}

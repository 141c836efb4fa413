import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../folding/dead-letter.js';
import { Signal } from './activity.js';
import { OwnershipLost, type CommitRecord } from './commit-record.js';
import type { Core } from './core.js';
import type { Feed, FetchLoop } from './kafka/fetch-loop.js';

const RETRY_MS = 500;

/** What a step came to: there may be more to do; nothing until something arrives; look again when something arrives; or after so many milliseconds. */
export type Next = 'more' | 'idle' | 'wait' | number;

/** What a group tells each of its partitions' workers. */
export interface Place {
  core: Core;
  loop: FetchLoop;
  /** Told how far the worker is, for Kafka's own account. */
  passed: (offsets: Readonly<Record<string, number>>) => void;
  /** The partition has another owner. */
  lost: () => void;
}

/** Works through one partition of a group's topics, from when it is given to this process until it is taken away. */
export abstract class Worker {
  readonly feeds = new Map<string, Feed>();
  protected readonly signal = new Signal();
  protected stopping = false;
  #idle = false;
  #ended: Promise<void> = Promise.resolve();

  constructor(
    protected readonly place: Place,
    readonly record: CommitRecord,
    /** In the order in which they are read. */
    readonly topics: readonly string[],
  ) {}

  get partition(): number {
    return this.record.partition;
  }

  get name(): string {
    return this.record.group;
  }

  /** Nothing to do until something arrives. */
  get idle(): boolean {
    return this.#idle;
  }

  start(): void {
    this.#ended = this.#run();
  }

  /** The next offset to read: of what is not worked off yet, else of what has not arrived. */
  offset(topic: string): number {
    const mark = this.record.mark.offsets[topic] ?? 0;
    const feed = this.feeds.get(topic);
    return feed?.primed === true && feed.records.length === 0 ? Math.max(mark, this.passedOf(topic, feed)) : mark;
  }

  lag(topic: string, end: number): number {
    return Math.max(0, end - this.offset(topic));
  }

  /** Whether everything below the end has been dealt with. */
  isAt(topic: string, end: number): boolean {
    return this.lag(topic, end) === 0;
  }

  rouse(): void {
    this.#idle = false;
    this.signal.call();
  }

  /** Ends the batch under way. */
  async stop(abort: boolean): Promise<void> {
    this.stopping = true;
    this.record.stop();
    this.stopped(abort);
    this.signal.call();
    await this.#ended;
    // If this does not get through, the next owner does again what is done already.
    await this.record.rest().catch(() => undefined);
    for (const feed of this.feeds.values()) this.place.loop.drop(feed);
  }

  /** Where a feed stands that has delivered everything. */
  protected passedOf(_topic: string, feed: Feed): number {
    return feed.position;
  }

  protected stopped(_abort: boolean): void {}
  /** Prepares for the first step, once the partition is its own. */
  protected abstract begin(): Promise<void>;
  protected abstract step(): Promise<Next>;

  async #run(): Promise<void> {
    const { core } = this.place;
    let begun = false;
    while (!this.stopping) {
      try {
        if (!begun) await this.#begin();
        begun = true;
        const next = await this.step();
        if (next === 'more') continue;
        this.#idle = next === 'idle';
        core.activity.changed();
        await this.signal.wait(typeof next === 'number' ? next : undefined);
        this.#idle = false;
      } catch (error) {
        if (this.stopping) return;
        if (error instanceof OwnershipLost) {
          core.logger('warn', error.message, {});
          return this.place.lost();
        }
        core.logger(
          'error',
          `${this.name} could not load or commit a batch; it tries again from what is committed, and meanwhile its lag grows. Most often MongoDB or Kafka is away or refuses something: see what the error names, and their logs`,
          { partition: this.partition, error: messageOf(error) },
        );
        // What of it counts is in the record.
        begun = false;
        await sleep(RETRY_MS);
      }
    }
  }

  async #begin(): Promise<void> {
    const { core, loop } = this.place;
    for (const feed of this.feeds.values()) loop.drop(feed);
    this.feeds.clear();
    await this.record.takeOver();
    await this.begin();
    for (const topic of this.topics) {
      const from = this.record.mark.offsets[topic] ?? 0;
      const arrived = () => this.rouse();
      this.feeds.set(topic, loop.open(core.topics.nameOf(topic), this.partition, from, core.isRaw(topic), arrived));
    }
  }
}

import type { Topic } from '@gyre/contracts';
import { HandOver } from '../folding/hand-over.js';
import type { LogRecord } from '../folding/log-record.js';
import type { Recorded } from '../platform.js';
import type { Core } from './core.js';
import type { Next, Stepper } from './engine.js';

const PAGE = 500;

/** One partition of a following: hands over events in order, one at a time. */
export class FollowingRunner<E> implements Stepper {
  readonly topics: readonly string[];
  readonly #handOver: HandOver<E>;
  #next = 0;
  #stopped = false;
  #ended: Promise<void> = Promise.resolve();
  #waiters: { at: number; resolve: () => void }[] = [];

  constructor(
    private readonly core: Core,
    readonly name: string,
    private readonly topic: Topic<E>,
    handle: (record: Recorded<E>) => void | Promise<void>,
    readonly partition: number,
  ) {
    this.topics = [topic.name];
    this.#handOver = new HandOver(topic, partition, handle, (place) =>
      core.logger('error', `${name} passes over an event`, place),
    );
  }

  step(): Next {
    if (this.#stopped) return 'idle';
    const head = this.core.engine.head(this.topic.name, this.partition);
    if (this.#next >= head) return 'idle';
    const records = this.core.log.read(this.topic.name, this.partition, this.#next, head, PAGE);
    for (const [i, record] of records.entries()) {
      const given = this.#handOver.give(record);
      if (given === undefined) this.#passed(record.offset + 1);
      else {
        this.#ended = this.#awaitRest(records.slice(i), given, records.length < PAGE ? head : undefined);
        return 'pending';
      }
    }
    if (records.length < PAGE) this.#passed(head);
    return 'more';
  }

  /** Resolves when everything below the partition's end has been handled. */
  caughtUp(): Promise<void> {
    const at = this.core.engine.head(this.topic.name, this.partition);
    if (this.#next >= at || this.#stopped) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ at, resolve }));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#handOver.stop();
    await this.#ended;
    for (const { resolve } of this.#waiters.splice(0)) resolve();
  }

  async #awaitRest(records: readonly LogRecord[], first: Promise<void>, end: number | undefined): Promise<void> {
    for (const [i, record] of records.entries()) {
      await (i === 0 ? first : this.#handOver.give(record));
      this.#passed(record.offset + 1);
      if (this.#stopped) return;
    }
    if (end !== undefined) this.#passed(end);
    this.core.engine.resume(this);
  }

  #passed(next: number): void {
    this.#next = Math.max(this.#next, next);
    if (this.#waiters.length === 0) return;
    const done = this.#waiters.filter((waiter) => waiter.at <= this.#next);
    this.#waiters = this.#waiters.filter((waiter) => waiter.at > this.#next);
    for (const { resolve } of done) resolve();
  }
}

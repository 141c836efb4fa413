import type { Topic } from '@gyre/contracts';
import { messageOf } from '../folding/dead-letter.js';
import { HandOver } from '../folding/hand-over.js';
import type { Following, Recorded } from '../platform.js';
import { Signal } from './activity.js';
import type { Core } from './core.js';
import { FetchLoop, type Feed } from './kafka/fetch-loop.js';

const START_RETRY_MS = 1_000;

/** Hands over a topic, each partition in order, one event at a time. It is in no consumer group. */
export class FollowingRunner<E> implements Following {
  readonly #loop: FetchLoop;
  readonly #partitions: FollowedPartition<E>[] = [];
  readonly #started: Promise<void>;
  #stopping: Promise<void> | undefined;

  constructor(
    private readonly core: Core,
    readonly name: string,
    readonly topic: Topic<E>,
    private readonly handle: (record: Recorded<E>) => void | Promise<void>,
    private readonly stopped: () => void,
  ) {
    this.#loop = new FetchLoop(core.kafka, name, core.settings.fetchWaitMs, core.kafkaOutage, core.logger);
    this.#started = this.#start();
  }

  /** Whether everything below these ends has been handled. */
  isAt(ends: readonly number[]): boolean {
    if (this.#stopping !== undefined) return true;
    return (
      this.#partitions.length === this.core.partitions &&
      this.#partitions.every((each, partition) => each.next >= (ends[partition] ?? 0))
    );
  }

  async caughtUp(): Promise<void> {
    const { core, topic } = this;
    await core.topics.ready([topic]);
    const ends = (await core.reader.ends([topic.name], core.partitions)).get(topic.name) ?? [];
    while (!this.isAt(ends)) await core.activity.next(1_000);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #start(): Promise<void> {
    const { core, topic } = this;
    while (this.#stopping === undefined) {
      try {
        await core.topics.ready([topic]);
        break;
      } catch (error) {
        if (this.#stopping !== undefined) return;
        core.logger('error', `${this.name} cannot start; it tries again`, { error: messageOf(error) });
        await new Promise((resolve) => setTimeout(resolve, START_RETRY_MS));
      }
    }
    if (this.#stopping !== undefined) return;
    for (let partition = 0; partition < core.partitions; partition++)
      this.#partitions.push(new FollowedPartition(core, this.name, topic, this.handle, partition, this.#loop));
  }

  async #stop(): Promise<void> {
    await this.#started;
    await Promise.all(this.#partitions.map((each) => each.stop()));
    await this.#loop.close();
    this.stopped();
    this.core.activity.changed();
  }
}

class FollowedPartition<E> {
  readonly #handOver: HandOver<E>;
  readonly #signal = new Signal();
  readonly #feed: Feed;
  readonly #ended: Promise<void>;
  #stopped = false;
  #handled = 0;

  constructor(
    private readonly core: Core,
    name: string,
    topic: Topic<E>,
    handle: (record: Recorded<E>) => void | Promise<void>,
    partition: number,
    loop: FetchLoop,
  ) {
    this.#handOver = new HandOver(topic, partition, handle, (place) =>
      core.logger('error', `${name} passes over an event`, place),
    );
    this.#feed = loop.open(core.topics.nameOf(topic.name), partition, 0, topic.raw, () => this.#signal.call());
    this.#ended = this.#run();
  }

  /** Everything below has been handled. */
  get next(): number {
    return this.#feed.primed && this.#feed.records.length === 0 ? this.#feed.position : this.#handled;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#handOver.stop();
    this.#signal.call();
    await this.#ended;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      let record = this.#feed.records[0];
      while (record !== undefined && !this.#stopped) {
        const given = this.#handOver.give(record);
        if (given !== undefined) await given;
        this.#handled = record.offset + 1;
        this.#feed.shift(1);
        record = this.#feed.records[0];
      }
      this.core.activity.changed();
      if (!this.#stopped) await this.#signal.wait();
    }
  }
}

import { GyreError, type Topic } from '@gyre/contracts';
import { encoded } from '../encoding.js';
import { partitionOf } from '../partitioner.js';
import type { Position, Sequenced } from '../platform.js';
import { Encoder, type NewRecord } from './kafka/records.js';
import { inBatches, type Sender } from './kafka/sender.js';
import type { TopicWanted } from './kafka/topics.js';

/** What appending needs: of a platform, or of another thread of its process. */
export interface AppenderParts {
  sender: Sender;
  partitions: number;
  now: () => number;
  nameOf: (topic: string) => string;
  ready: (topic: TopicWanted) => Promise<void>;
  onStep?: ((step: string) => void) | undefined;
}

/** Appending from outside any task. */
export class Appender {
  /** By producer: the call before, which the next one follows. */
  readonly #last = new Map<string, Promise<unknown>>();

  constructor(private readonly parts: AppenderParts) {}

  async append<E>(topic: Topic<E>, events: readonly E[]): Promise<Position[]> {
    assertRaw(topic, false);
    return this.#send(
      topic,
      events.map((event) => this.#keyed(topic, topic.key(event), event)),
    );
  }

  async appendRaw(
    topic: Topic<Uint8Array>,
    records: readonly { key: string; bytes: Uint8Array }[],
  ): Promise<Position[]> {
    assertRaw(topic, true);
    return this.#send(
      topic,
      records.map(({ key, bytes }) => this.#keyed(topic, key, bytes)),
    );
  }

  /** One call of a producer after the other: after one that failed, those that wait behind it fail too, or readers would drop it when it is sent again. */
  async appendAs<E>(producer: string, topic: Topic<E>, events: readonly Sequenced<E>[]): Promise<Position[]> {
    assertRaw(topic, false);
    const records = events.map(({ event, sequence }) => ({
      ...this.#keyed(topic, topic.key(event), event),
      producer,
      sequence,
    }));
    const sent = (this.#last.get(producer) ?? Promise.resolve()).then(() => this.#send(topic, records));
    this.#last.set(producer, sent);
    try {
      return await sent;
    } finally {
      if (this.#last.get(producer) === sent) this.#last.delete(producer);
    }
  }

  /** Appends records that are ready, in order; more than a batch holds goes in several. */
  async records(records: readonly NewRecord[]): Promise<Position[]> {
    const encoder = new Encoder(this.parts.now());
    const placed = records.map((record) => ({
      topic: this.parts.nameOf(record.topic),
      partition: record.partition,
      message: encoder.encode(record),
    }));
    const offsets: number[] = [];
    for (const batch of inBatches(placed)) offsets.push(...(await this.parts.sender.send(batch)));
    return records.map(({ topic, partition }, i) => ({ topic, partition, offset: offsets[i] as number }));
  }

  async #send(topic: TopicWanted, records: readonly NewRecord[]): Promise<Position[]> {
    if (records.length === 0) return [];
    if (this.parts.sender.full)
      throw new GyreError(
        'OVERLOADED',
        'more waits to be appended than is kept in memory: Kafka is slower than what comes, or away; try again later',
      );
    await this.parts.ready(topic);
    this.parts.onStep?.('append: written');
    const positions = await this.records(records);
    this.parts.onStep?.('append: committed');
    return positions;
  }

  #keyed<E>(topic: Topic<E>, key: string, event: E): NewRecord {
    return {
      topic: topic.name,
      partition: partitionOf(key, this.parts.partitions),
      key,
      data: encoded(topic, event),
    };
  }
}

function assertRaw(topic: { name: string; raw: boolean }, raw: boolean): void {
  if (topic.raw === raw) return;
  throw new RangeError(raw ? `${topic.name} holds events: use append` : `${topic.name} is raw: use appendRaw`);
}

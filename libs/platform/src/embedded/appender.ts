import type { Topic } from '@gyre/contracts';
import { encoded } from '../encoding.js';
import { partitionOf } from '../partitioner.js';
import type { Position, Sequenced } from '../platform.js';
import type { Log, NewRecord } from './log.js';

/** Appending from outside any task, on whichever connection. */
export class Appender {
  constructor(
    private readonly log: Log,
    private readonly partitions: number,
    private readonly now: () => number,
  ) {}

  append<E>(topic: Topic<E>, events: readonly E[]): Position[] {
    assertRaw(topic, false);
    return this.records(events.map((event) => this.#keyed(topic, topic.key(event), event)));
  }

  appendRaw(topic: Topic<Uint8Array>, records: readonly { key: string; bytes: Uint8Array }[]): Position[] {
    assertRaw(topic, true);
    return this.records(records.map(({ key, bytes }) => this.#keyed(topic, key, bytes)));
  }

  appendAs<E>(producer: string, topic: Topic<E>, events: readonly Sequenced<E>[]): Position[] {
    assertRaw(topic, false);
    return this.records(
      events.map(({ event, sequence }) => ({ ...this.#keyed(topic, topic.key(event), event), producer, sequence })),
    );
  }

  records(records: readonly NewRecord[]): Position[] {
    if (records.length === 0) return [];
    const at = this.now();
    return this.log.transact('append', () =>
      records.map((record) => ({
        topic: record.topic,
        partition: record.partition,
        offset: this.log.append(record, at),
      })),
    );
  }

  #keyed<E>(topic: Topic<E>, key: string, event: E): NewRecord {
    return { topic: topic.name, partition: partitionOf(key, this.partitions), key, data: encoded(topic, event) };
  }
}

function assertRaw(topic: { name: string; raw: boolean }, raw: boolean): void {
  if (topic.raw === raw) return;
  throw new RangeError(raw ? `${topic.name} holds events: use append` : `${topic.name} is raw: use appendRaw`);
}

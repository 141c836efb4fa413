import { GyreError } from '@gyre/contracts';
import type { Logger } from '../../logger.js';
import type { Outage } from '../outage.js';
import { openCluster, type Cluster, type KafkaClient } from './client.js';
import { byLeader, fetchFrom, isOutOfRange, recover } from './fetch.js';
import { patiently } from './patience.js';
import { decodeRecord } from './records.js';
import type { LogRecord } from '../../folding/log-record.js';

const BYTES = 4_000_000;
/** Records that lie so close together come with one page, else each comes alone. */
const NEAR = 200;
const PATIENCE_MS = 30_000;

/** Looks into the log outside any group: where partitions begin and end, and what lies in a range. */
export class TopicReader {
  readonly #cluster: Cluster;
  readonly #known = new Set<string>();
  #connected: Promise<void> | undefined;

  constructor(
    kafka: KafkaClient,
    private readonly options: {
      /** A topic's name in Kafka. */
      nameOf: (topic: string) => string;
      isRaw: (topic: string) => boolean;
      isClosed: () => boolean;
      outage: Outage;
      logger: Logger;
    },
  ) {
    this.#cluster = openCluster(kafka);
  }

  /** The end of each partition, by topic. */
  ends(topics: readonly string[], partitions: number): Promise<Map<string, number[]>> {
    return this.#offsets(topics, partitions, { fromBeginning: false });
  }

  /** The earliest offset that is kept, by topic and partition. */
  beginnings(topics: readonly string[], partitions: number): Promise<Map<string, number[]>> {
    return this.#offsets(topics, partitions, { fromBeginning: true });
  }

  /** The records of one partition from an offset on, ticks among them, below `to`, page by page. */
  async *pages(topic: string, partition: number, from: number, to: number): AsyncGenerator<LogRecord[]> {
    const raw = this.options.isRaw(topic);
    for (let next = from; next < to;) {
      const found = await this.#page(topic, partition, next);
      if (found === undefined) {
        const beginning = (await this.beginnings([topic], partition + 1)).get(topic)?.[partition] ?? to;
        if (beginning <= next) return;
        next = beginning;
        continue;
      }
      const records = found.messages.map((message) => decodeRecord(message, raw)).filter(({ offset }) => offset < to);
      next = found.next;
      yield records;
    }
  }

  /** Single records of one partition, by their offsets; what has expired or never was is absent. */
  async some(topic: string, partition: number, offsets: readonly number[]): Promise<Map<number, LogRecord>> {
    const at = (places: Map<string, number[]>) => places.get(topic)?.[partition] ?? 0;
    const end = at(await this.ends([topic], partition + 1));
    const asked = new Set(offsets.filter((offset) => offset >= 0 && offset < end));
    const sorted = [...asked].sort((a, b) => a - b);
    const raw = this.options.isRaw(topic);
    const found = new Map<number, LogRecord>();
    let next = 0;
    for (const [i, offset] of sorted.entries()) {
      if (offset < next) continue;
      const near = (sorted[i + 1] ?? Infinity) - offset <= NEAR;
      // However few bytes are asked for, the batch that holds the record comes whole.
      const page = await this.#page(topic, partition, offset, near ? BYTES : 1);
      next = page?.next ?? at(await this.beginnings([topic], partition + 1));
      for (const message of page?.messages ?? []) {
        if (!asked.has(Number(message.offset))) continue;
        const record = decodeRecord(message, raw);
        // One record that is kept must not keep its page.
        const data = typeof record.data === 'string' ? record.data : Uint8Array.from(record.data);
        found.set(record.offset, { ...record, data });
      }
    }
    return found;
  }

  async close(): Promise<void> {
    await this.#connected?.catch(() => undefined);
    await this.#cluster.disconnect().catch(() => undefined);
  }

  /** undefined where the offset is out of range. */
  #page(topic: string, partition: number, offset: number, bytes = BYTES) {
    const name = this.options.nameOf(topic);
    return this.#trying([name], async () => {
      const leader = [...byLeader(this.#cluster, [{ topic: name, partition }]).keys()][0];
      if (leader === undefined) throw new Error(`partition ${partition} of ${name} has no leader`);
      try {
        const limits = { waitMs: 500, bytesMax: BYTES, partitionBytesMax: bytes };
        const [found] = await fetchFrom(this.#cluster, leader, [{ topic: name, partition, offset }], limits);
        return found;
      } catch (error) {
        if (isOutOfRange(error)) return undefined;
        throw error;
      }
    });
  }

  #offsets(topics: readonly string[], partitions: number, where: { fromBeginning: boolean }) {
    const names = new Map(topics.map((topic) => [this.options.nameOf(topic), topic]));
    return this.#trying([...names.keys()], async () => {
      const all = Array.from({ length: partitions }, (_, partition) => ({ partition }));
      const found = await this.#cluster.fetchTopicsOffset(
        [...names.keys()].map((topic) => ({ topic, partitions: all, ...where })),
      );
      return new Map(
        found.map(({ topic, partitions: list }) => {
          const offsets = Array.from({ length: partitions }, () => 0);
          for (const { partition, offset } of list) offsets[partition] = Number(offset);
          return [names.get(topic) ?? topic, offsets];
        }),
      );
    });
  }

  /** @throws GyreError PLATFORM_UNAVAILABLE */
  #trying<T>(topics: readonly string[], work: () => Promise<T>): Promise<T> {
    const { isClosed, outage, logger } = this.options;
    const connected = async () => {
      if (isClosed()) throw new GyreError('NOT_READY', 'the platform is closed');
      try {
        await (this.#connected ??= this.#cluster.connect());
        const unknown = topics.filter((topic) => !this.#known.has(topic));
        if (unknown.length > 0) {
          await this.#cluster.addMultipleTargetTopics(unknown);
          for (const topic of unknown) this.#known.add(topic);
        }
        return await work();
      } catch (error) {
        this.#connected = undefined;
        if (!isClosed()) await recover(this.#cluster, error).catch(() => undefined);
        // What was at work when it was closed may have connected again.
        if (isClosed()) await this.#cluster.disconnect().catch(() => undefined);
        throw error;
      }
    };
    return patiently(connected, { forMs: PATIENCE_MS, what: `read ${topics.join(', ')}`, isClosed, outage, logger });
  }
}

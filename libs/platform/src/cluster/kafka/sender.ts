import { GyreError } from '@gyre/contracts';
import kafkajs, { type Message, type Producer, type RecordMetadata } from 'kafkajs';
import { messageOf } from '../../folding/dead-letter.js';
import type { Logger } from '../../logger.js';
import type { Outage } from '../outage.js';
import { within } from '../within.js';
import { COMPRESSION, type KafkaClient } from './client.js';
import { bytesOf } from './records.js';
import { BATCH_BYTES_MAX } from './topics.js';

const { Partitioners } = kafkajs;

/** Of a flight, and of what waits for one. */
const FLIGHT_BYTES = 4_000_000;
const QUEUE_BYTES = 32_000_000;

export interface Placed {
  topic: string;
  partition: number;
  message: Message;
}

/** Cuts what is to be sent, in order, into parts that Kafka takes as one batch each, though all of it be for one partition. */
export function* inBatches(records: readonly Placed[]): Generator<readonly Placed[]> {
  let from = 0;
  let bytes = 0;
  for (const [at, { message }] of records.entries()) {
    const more = bytesOf(message);
    if (at > from && bytes + more > BATCH_BYTES_MAX) {
      yield records.slice(from, at);
      from = at;
      bytes = 0;
    }
    bytes += more;
  }
  if (from < records.length) yield records.slice(from);
}

interface Waiting {
  records: readonly Placed[];
  bytes: number;
  resolve: (offsets: number[]) => void;
  reject: (error: Error) => void;
}

export interface SenderOptions {
  compression: keyof typeof COMPRESSION;
  timeoutMs: number;
}

/**
 * Sends in order, one flight at a time; what comes while one is under way goes with the next. After a failed flight the producer is thrown away:
 * kafkajs would give the numbers of what failed to what comes next, and the broker would take that for a repeat and drop it.
 */
export class Sender {
  #producer: Promise<Producer> | undefined;
  #queue: Waiting[] = [];
  #queuedBytes = 0;
  #flying = false;
  #closed = false;

  constructor(
    private readonly kafka: KafkaClient,
    private readonly options: SenderOptions,
    private readonly outage: Outage,
    private readonly logger: Logger,
  ) {}

  /** Whether so much waits already that more should be refused. */
  get full(): boolean {
    return this.#queuedBytes > QUEUE_BYTES;
  }

  /**
   * All of a partition's records come to lie one after the other, or none does.
   * @param records no more than a batch holds; see `inBatches`
   * @returns their offsets
   * @throws GyreError PLATFORM_UNAVAILABLE: they may have been taken none the less
   */
  send(records: readonly Placed[]): Promise<number[]> {
    if (records.length === 0) return Promise.resolve([]);
    if (this.#closed) return Promise.reject(new GyreError('NOT_READY', 'the platform is closed'));
    const bytes = records.reduce((sum, { message }) => sum + bytesOf(message), 0);
    return new Promise((resolve, reject) => {
      this.#queue.push({ records, bytes, resolve, reject });
      this.#queuedBytes += bytes;
      if (!this.#flying) void this.#fly();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#queue.splice(0)) waiting.reject(new GyreError('NOT_READY', 'the platform is closed'));
    const producer = await this.#producer?.catch(() => undefined);
    await producer?.disconnect().catch(() => undefined);
  }

  async #fly(): Promise<void> {
    this.#flying = true;
    while (this.#queue.length > 0) {
      const flight: Waiting[] = [];
      let bytes = 0;
      for (let next = this.#queue[0]; next !== undefined && bytes < FLIGHT_BYTES; next = this.#queue[0]) {
        // All of a flight may be for one partition, and go in one batch.
        if (flight.length > 0 && bytes + next.bytes > BATCH_BYTES_MAX) break;
        bytes += next.bytes;
        flight.push(next);
        this.#queue.shift();
      }
      try {
        const taken = await this.#send(flight);
        this.outage.answered();
        for (const [i, { resolve }] of flight.entries()) resolve(taken[i] as number[]);
      } catch (error) {
        if (!this.#closed) this.outage.failed(error);
        const failure = unavailable(error);
        for (const { reject } of flight) reject(failure);
      }
      for (const { bytes } of flight) this.#queuedBytes -= bytes;
    }
    this.#flying = false;
  }

  async #send(flight: readonly Waiting[]): Promise<number[][]> {
    const byTopic = new Map<string, Message[]>();
    for (const { records } of flight) {
      for (const { topic, message } of records) {
        const messages = byTopic.get(topic);
        if (messages === undefined) byTopic.set(topic, [message]);
        else messages.push(message);
      }
    }
    const topicMessages = [...byTopic].map(([topic, messages]) => ({ topic, messages }));
    const compression = COMPRESSION[this.options.compression];
    let metadata: RecordMetadata[];
    let sending: Promise<unknown> = Promise.resolve();
    try {
      const producer = await this.#ready();
      const sent = producer.sendBatch({ acks: -1, compression, topicMessages });
      sending = sent;
      metadata = await within(this.options.timeoutMs, sent);
    } catch (error) {
      this.#discard(sending);
      throw error;
    }
    const next = new Map(metadata.map((each) => [`${each.partition} ${each.topicName}`, Number(each.baseOffset)]));
    return flight.map(({ records }) =>
      records.map(({ topic, partition }) => {
        const place = `${partition} ${topic}`;
        const offset = next.get(place) as number;
        next.set(place, offset + 1);
        return offset;
      }),
    );
  }

  #ready(): Promise<Producer> {
    this.#producer ??= (async () => {
      const producer = this.kafka.producer({
        idempotent: true,
        // Every message names its partition: this one is asked by nobody.
        createPartitioner: Partitioners.DefaultPartitioner,
        maxInFlightRequests: 1,
        allowAutoTopicCreation: false,
        // Only kafkajs itself can send again under the same numbers.
        retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: Math.ceil(this.options.timeoutMs / 1_000) },
      });
      await producer.connect();
      return producer;
    })();
    return within(this.options.timeoutMs, this.#producer);
  }

  /** @param sending what the producer may still be at: it connects again where it finds itself disconnected */
  #discard(sending: Promise<unknown>): void {
    const discarded = this.#producer;
    this.#producer = undefined;
    discarded
      ?.then(async (producer) => {
        await producer.disconnect();
        await sending.catch(() => undefined);
        await producer.disconnect();
      })
      .catch((error: unknown) => this.logger('warn', 'a producer did not close', { error: messageOf(error) }));
  }
}

function unavailable(error: unknown): GyreError {
  return error instanceof GyreError
    ? error
    : new GyreError(
        'PLATFORM_UNAVAILABLE',
        `Kafka has not confirmed an append (${messageOf(error)}); it may have been taken. Look at the brokers, then send it again`,
      );
}

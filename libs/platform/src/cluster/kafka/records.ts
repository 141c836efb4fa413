import { randomUUID } from 'node:crypto';
import type { KafkaMessage, Message } from 'kafkajs';
import type { Data } from '../../encoding.js';
import type { LogRecord, Origin } from '../../folding/log-record.js';

/** A record to append. */
export interface NewRecord {
  topic: string;
  partition: number;
  key: string;
  data: Data;
  producer?: string;
  sequence?: number;
  origin?: Origin;
  /** Instead of an event: the time that is told. */
  tick?: number;
}

const JSON_TYPE = Buffer.from('application/json');
const BYTES_TYPE = Buffer.from('application/octet-stream');
const SPEC_VERSION = Buffer.from('1.0');
const OUTSIDE = Buffer.from('/gyre');
/** Begins the source of what has a producer and a sequence, which is then the id: CloudEvents makes one event of what has both in common, as readers here do. */
const INSIDE = '/gyre/';

/** What a record takes besides key and value, headers above all: more rather than less. */
const OVERHEAD_BYTES = 400;

/** How long a record is on its way to Kafka, before it is compressed. */
export function bytesOf({ key, value }: Message): number {
  return lengthOf(key) + lengthOf(value) + OVERHEAD_BYTES;
}

function lengthOf(part: string | Buffer | null | undefined): number {
  return typeof part === 'string' ? Buffer.byteLength(part) : (part?.length ?? 0);
}

/** Turns records of one append into Kafka's: CloudEvents 1.0 in binary content mode, and where each stands among its producer's. */
export class Encoder {
  readonly #texts = new Map<string, Buffer>();
  readonly #time: Buffer;
  readonly #stamp: string;

  /** @param at UTC milliseconds: when the log takes them */
  constructor(at: number) {
    this.#time = Buffer.from(new Date(at).toISOString());
    this.#stamp = String(at);
  }

  encode({ topic, partition, key, data, producer, sequence, origin, tick }: NewRecord): Message {
    const value =
      typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    if (tick !== undefined)
      return { partition, key: null, value, timestamp: this.#stamp, headers: { gyre_tick: String(tick) } };
    const headers: Record<string, Buffer | string> = {
      ce_specversion: SPEC_VERSION,
      ce_id: producer === undefined ? randomUUID() : String(sequence),
      ce_source: producer === undefined ? OUTSIDE : this.#text(`${INSIDE}${producer}`),
      ce_type: this.#text(topic),
      ce_time: this.#time,
      'content-type': typeof data === 'string' ? JSON_TYPE : BYTES_TYPE,
    };
    if (origin !== undefined) {
      headers['gyre_origin_topic'] = this.#text(origin.topic);
      headers['gyre_origin_offset'] = String(origin.offset);
      headers['gyre_origin_letter'] = String(origin.letter);
    }
    return { partition, key, value, timestamp: this.#stamp, headers };
  }

  #text(text: string): Buffer {
    let known = this.#texts.get(text);
    if (known === undefined) this.#texts.set(text, (known = Buffer.from(text)));
    return known;
  }
}

/**
 * A record as Kafka keeps it. On a raw topic nobody's headers are believed: its producers are outside.
 * @param raw whether the topic carries bytes as they came
 */
export function decodeRecord(message: KafkaMessage, raw: boolean): LogRecord {
  const headers = message.headers ?? {};
  const value = message.value ?? EMPTY;
  const tick = raw ? undefined : headers['gyre_tick'];
  const origin = headers['gyre_origin_topic'];
  const source = raw || tick !== undefined ? '' : String(headers['ce_source'] ?? '');
  const producer = source.startsWith(INSIDE) ? source.slice(INSIDE.length) : undefined;
  const bytes = raw || (origin !== undefined && String(headers['content-type']) === 'application/octet-stream');
  return {
    offset: Number(message.offset),
    key: message.key === null ? '' : message.key.toString(),
    appendedAt: Number(message.timestamp),
    producer,
    sequence: producer === undefined ? 0 : Number(headers['ce_id']),
    tick: tick === undefined ? undefined : Number(tick),
    data: bytes ? value : value.toString(),
    origin:
      origin === undefined || raw
        ? undefined
        : {
            topic: String(origin),
            offset: Number(headers['gyre_origin_offset']),
            letter: Number(headers['gyre_origin_letter'] ?? -1),
          },
  };
}

const EMPTY = Buffer.alloc(0);

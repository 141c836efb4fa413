import type { ZodType } from 'zod';

/** How long a topic keeps its records: `forever`, or so many days. */
export type Retention = 'forever' | { days: number };

/**
 * A stream of events of one kind, split into partitions by key.
 *
 * All topics have the same number of partitions, so that any two keyed alike are co-partitioned.
 * Events are JSON, but for a `raw` topic, which carries the bytes that a producer sent, valid or not.
 */
export interface Topic<E> {
  readonly name: string;
  readonly schema: ZodType<E>;
  /** Events of one key stay in order. */
  readonly key: (event: E) => string;
  readonly retention: Retention;
  readonly raw: boolean;
}

export function topic<E>(name: string, schema: ZodType<E>, key: (event: E) => string, retention: Retention): Topic<E> {
  return { name, schema, key, retention, raw: false };
}

/** A topic of bytes as they came; the producer names the key when it appends. */
export function rawTopic(name: string, schema: ZodType<Uint8Array>, retention: Retention): Topic<Uint8Array> {
  return { name, schema, key: () => '', retention, raw: true };
}

import { EVENT_BYTES_MAX, GyreError, type Topic } from '@gyre/contracts';

/** An event as the log keeps it: JSON, or a raw topic's bytes. */
export type Data = string | Uint8Array;

/** @throws GyreError EVENT_TOO_LARGE */
export function encoded(topic: { name: string; raw: boolean }, event: unknown): Data {
  const data = topic.raw ? (event as Uint8Array) : JSON.stringify(event);
  if (data === undefined) throw new RangeError(`an event for ${topic.name} must be JSON, got ${typeof event}`);
  assertFits(topic.name, data);
  return data;
}

/** An event read back, or what is wrong with it. */
export type Decoded<E> = { event: E; problem?: undefined } | { problem: string };

export function decoded<E>(topic: Topic<E>, data: Data): Decoded<E> {
  // Of what a producer sent, the reader judges.
  if (topic.raw) return { event: data as E };
  let value: unknown;
  try {
    value = JSON.parse(typeof data === 'string' ? data : Buffer.from(data).toString('utf8'));
  } catch (error) {
    return { problem: `it is not JSON: ${(error as Error).message}` };
  }
  const result = topic.schema.safeParse(value);
  if (result.success) return { event: result.data };
  const issues = result.error.issues.map((issue) => `${issue.path.map(String).join('.') || 'event'}: ${issue.message}`);
  return { problem: `it does not fit the schema of ${topic.name}: ${issues.slice(0, 3).join('; ')}` };
}

function assertFits(topic: string, data: Data): void {
  if (data.length * 3 <= EVENT_BYTES_MAX) return;
  const bytes = typeof data === 'string' ? Buffer.byteLength(data) : data.length;
  if (bytes <= EVENT_BYTES_MAX) return;
  throw new GyreError(
    'EVENT_TOO_LARGE',
    `an event for ${topic} has ${bytes} bytes; at most ${EVENT_BYTES_MAX} are taken`,
    { topic, bytes, bytesMax: EVENT_BYTES_MAX },
  );
}

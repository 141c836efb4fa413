/**
 * A prediction id is `<routing>.<time>.<unique>`: 13 base-32 digits of the routing hash, 9 of the request's event time in
 * milliseconds, and a part that makes it unique. So a label finds its prediction's partition by the id alone, and the
 * ids of one model and entity sort by time.
 */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';
const ROUTING_LENGTH = 13;
const TIME_LENGTH = 9;

export interface PredictionIdParts {
  routing: string;
  /** Event time of the request, UTC milliseconds. */
  predictedAt: number;
  unique: string;
}

/**
 * The routing hash of a model's entity, or of anything random where a request names none: 62 bits of MurmurHash3 as 13 base-32 digits. The
 * model is part of it, so that two models asked about one entity make different predictions.
 */
export function routingHash(model: string, entity: string): string {
  const bytes = new TextEncoder().encode(`${model}\u0000${entity}`);
  return (
    base32(murmur3(bytes, 0x9747b28c), 7).slice(-7) + base32(murmur3(bytes, 0x5bd1e995), 7).slice(-(ROUTING_LENGTH - 7))
  );
}

/**
 * Where a key lies among all keys, in [0, 1): always the same for a model and key, uniform over keys, and independent of the routing hash. For sharing
 * requests out among versions.
 */
export function routingShare(model: string, key: string): number {
  return murmur3(new TextEncoder().encode(`${model}\u0000${key}`), 0x1b873593) / 2 ** 32;
}

/** @throws RangeError if the time is not a whole number of milliseconds from 1970 on, or the unique part is empty. */
export function predictionId({ routing, predictedAt, unique }: PredictionIdParts): string {
  if (unique === '') throw new RangeError('a prediction id needs a unique part');
  return `${routing}.${predictionTime(predictedAt)}.${unique}`;
}

/** The time part of an id. Ids of one routing hash compare as their times do. */
export function predictionTime(at: number): string {
  if (!Number.isSafeInteger(at) || at < 0)
    throw new RangeError(`a prediction's time is in whole milliseconds from 1970 on, got ${at}`);
  return base32(at, TIME_LENGTH);
}

/** The parts of an id, or undefined if it is none. */
export function parsePredictionId(id: string): PredictionIdParts | undefined {
  const match = /^([0-9a-hjkmnp-tv-z]{13})\.([0-9a-hjkmnp-tv-z]{9})\.(.+)$/s.exec(id);
  if (match === null) return undefined;
  const [, routing, time, unique] = match as unknown as [string, string, string, string];
  let predictedAt = 0;
  for (const digit of time) predictedAt = predictedAt * 32 + DIGITS.indexOf(digit);
  return { routing, predictedAt, unique };
}

function base32(value: number, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest = Math.floor(rest / 32)) text = DIGITS[rest % 32] + text;
  return text;
}

/** MurmurHash3, x86 32-bit variant (A. Appleby, public domain description). */
function murmur3(bytes: Uint8Array, seed: number): number {
  let h = seed;
  const blocks = bytes.length & ~3;
  for (let i = 0; i < blocks; i += 4) {
    const k =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    h = mixed(h ^ scrambled(k));
  }
  let tail = 0;
  for (let i = bytes.length - 1; i >= blocks; i--) tail = (tail << 8) | (bytes[i] as number);
  if (blocks < bytes.length) h ^= scrambled(tail);
  h ^= bytes.length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function scrambled(k: number): number {
  const a = Math.imul(k, 0xcc9e2d51);
  return Math.imul((a << 15) | (a >>> 17), 0x1b873593);
}

function mixed(h: number): number {
  const rotated = (h << 13) | (h >>> 19);
  return (Math.imul(rotated, 5) + 0xe6546b64) | 0;
}

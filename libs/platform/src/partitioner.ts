/**
 * The partition of a key: murmur2 over its UTF-8 bytes, as Kafka's Java client does it, so that both platforms and outside
 * producers put a key where the others look for it.
 *
 * @see org.apache.kafka.common.utils.Utils.murmur2 and BuiltInPartitioner.partitionForKey
 */
export function partitionOf(key: string, partitions: number): number {
  return partitions === 1 ? 0 : (murmur2(utf8(key)) & 0x7fffffff) % partitions;
}

/** 32-bit MurmurHash2 with Kafka's seed, as a signed number. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length;
  let h = 0x9747b28c ^ length;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    let k =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    h = Math.imul(h, M) ^ Math.imul(k, M);
  }
  const rest = length - i;
  if (rest > 0) {
    if (rest === 3) h ^= (bytes[i + 2] as number) << 16;
    if (rest >= 2) h ^= (bytes[i + 1] as number) << 8;
    h = Math.imul(h ^ (bytes[i] as number), M);
  }
  h = Math.imul(h ^ (h >>> 13), M);
  return h ^ (h >>> 15);
}

const M = 0x5bd1e995;
const encoder = new TextEncoder();
const scratch = new Uint8Array(1_024);

function utf8(text: string): Uint8Array {
  if (text.length * 3 > scratch.length) return encoder.encode(text);
  return scratch.subarray(0, encoder.encodeInto(text, scratch).written);
}

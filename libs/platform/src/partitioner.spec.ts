import { murmur2, partitionOf } from './partitioner.js';

// Vectors from Apache Kafka, clients/src/test/java/org/apache/kafka/common/utils/UtilsTest.java, testMurmur2.
const golden: [string, number][] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
];

describe('partitionOf', () => {
  it.each(golden)("hashes as Kafka's Java client does: %s", (key, hash) => {
    expect(murmur2(new TextEncoder().encode(key))).toBe(hash);
    expect(partitionOf(key, 7)).toBe((hash & 0x7fffffff) % 7);
  });

  it('hashes the UTF-8 bytes of a key, however long', () => {
    for (const key of ['', 'é', '😀', 'ключ'.repeat(1_000)]) {
      expect(partitionOf(key, 101)).toBe((murmur2(new TextEncoder().encode(key)) & 0x7fffffff) % 101);
    }
  });
});

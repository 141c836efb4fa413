import { createRequire } from 'node:module';

const snappy = createRequire(import.meta.url)('snappyjs') as {
  compress(bytes: Uint8Array): Uint8Array;
  uncompress(bytes: Uint8Array): Uint8Array;
};

/** The header of xerial's framing, which Java's clients write; librdkafka and others write one bare block. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const HEADER_BYTES = 16;

/** One bare block: all of Kafka's clients read it. */
export function compressSnappy(bytes: Uint8Array): Buffer {
  return Buffer.from(snappy.compress(plain(bytes)));
}

/** Reads a bare block, or blocks in xerial's framing: a header of 16 bytes, then each with its length in four. */
export function decompressSnappy(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, XERIAL.length).equals(XERIAL)) return Buffer.from(snappy.uncompress(plain(bytes)));
  const blocks: Uint8Array[] = [];
  for (let at = HEADER_BYTES; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    blocks.push(snappy.uncompress(plain(bytes.subarray(at + 4, at + 4 + length))));
    at += 4 + length;
  }
  return Buffer.concat(blocks);
}

function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

import { STATIC_ENTRIES, STATIC_TABLE } from './hpack-static.js';
import { ConnectionError, ErrorCode, HEADER_OVERHEAD_BYTES } from './http2-frames.js';
import { huffmanDecoded } from './huffman.js';

/** What we grant a client's encoder, which is also what it may use before it has heard of it. */
const HEADER_TABLE_BYTES = 4_096;

/** A header list that grew beyond its limit; the table is as the client thinks all the same. */
export const TOO_LARGE = Symbol('too large');

/**
 * Decodes header blocks of one connection: RFC 7541.
 *
 * Most clients send the same block again and again, all of it by reference to the table: one that was decoded before comes to the same as long as
 * `changes` has not moved.
 */
export class HpackDecoder {
  /** Names and values in turn, the oldest entry first. */
  private entries: string[] = [];
  private bytes = 0;
  private bytesMax = HEADER_TABLE_BYTES;
  /** Counts the changes of the table. */
  changes = 0;
  private at = 0;

  /** @param listBytesMax of a decoded list, by the protocol's count: names, values, and 32 bytes for each */
  constructor(private readonly listBytesMax: number) {}

  /**
   * @returns names and values in turn
   * @throws ConnectionError COMPRESSION_ERROR
   */
  decode(block: Buffer): string[] | typeof TOO_LARGE {
    const list: string[] = [];
    let listBytes = 0;
    let fields = 0;
    this.at = 0;
    while (this.at < block.length) {
      const first = block[this.at] as number;
      if ((first & 0xe0) === 0x20) {
        if (fields > 0) throw broken('the size of the table changes within a block');
        this.resize(this.integer(block, 5));
        continue;
      }
      fields += 1;
      let name: string;
      let value: string;
      if ((first & 0x80) !== 0) {
        const index = this.integer(block, 7);
        name = this.nameAt(index);
        value = this.valueAt(index);
      } else {
        const indexed = (first & 0x40) !== 0;
        const index = this.integer(block, indexed ? 6 : 4);
        name = index === 0 ? this.text(block) : this.nameAt(index);
        value = this.text(block);
        if (indexed) this.add(name, value);
      }
      listBytes += name.length + value.length + HEADER_OVERHEAD_BYTES;
      if (listBytes <= this.listBytesMax) list.push(name, value);
    }
    return listBytes > this.listBytesMax ? TOO_LARGE : list;
  }

  private nameAt(index: number): string {
    return this.entry(index, 0);
  }
  private valueAt(index: number): string {
    return this.entry(index, 1);
  }
  private entry(index: number, part: 0 | 1): string {
    const { entries } = this;
    const text =
      index <= STATIC_ENTRIES
        ? STATIC_TABLE[(index - 1) * 2 + part]
        : entries[entries.length - (index - STATIC_ENTRIES) * 2 + part];
    if (index === 0 || text === undefined) throw broken(`there is no header with the index ${index}`);
    return text;
  }

  private add(name: string, value: string): void {
    this.changes += 1;
    this.bytes += name.length + value.length + HEADER_OVERHEAD_BYTES;
    this.entries.push(name, value);
    this.evict();
  }

  private resize(bytesMax: number): void {
    if (bytesMax > HEADER_TABLE_BYTES)
      throw broken(`the table is to have ${bytesMax} bytes; ${HEADER_TABLE_BYTES} are granted`);
    this.changes += 1;
    this.bytesMax = bytesMax;
    this.evict();
  }

  private evict(): void {
    const { entries } = this;
    let gone = 0;
    for (; this.bytes > this.bytesMax; gone += 2)
      this.bytes -= (entries[gone] as string).length + (entries[gone + 1] as string).length + HEADER_OVERHEAD_BYTES;
    if (gone > 0) entries.splice(0, gone);
  }

  /** @param bits of the first byte that belong to the number */
  private integer(block: Buffer, bits: number): number {
    const mask = (1 << bits) - 1;
    let value = (block[this.at++] as number) & mask;
    if (value < mask) return value;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = block[this.at++];
      if (byte === undefined) throw broken('a block ends within a number');
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw broken('a number is too large');
  }

  private text(block: Buffer): string {
    const first = block[this.at];
    if (first === undefined) throw broken('a block ends where a text should begin');
    const length = this.integer(block, 7);
    const from = this.at;
    this.at += length;
    if (this.at > block.length) throw broken('a text is longer than its block');
    if ((first & 0x80) === 0) return block.toString('latin1', from, this.at);
    const text = huffmanDecoded(block, from, this.at);
    if (text === null) throw broken('a text is no Huffman code');
    return text;
  }
}

function broken(problem: string): ConnectionError {
  return new ConnectionError(ErrorCode.compressionError, `the headers cannot be read: ${problem}`);
}

/**
 * Encodes headers without the dynamic table, so that the same headers are the same bytes on every connection, whatever its table holds.
 * @param headers names in lower case, values of Latin-1
 */
export function headerBlock(headers: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(headers.flatMap(([name, value]) => field(name, value)));
}

function field(name: string, value: string): Buffer[] {
  const [exact, index] = staticIndexOf(name, value);
  if (exact) return [integer(0x80, 7, index)];
  return index === 0 ? [Buffer.from([0]), text(name), text(value)] : [integer(0, 4, index), text(value)];
}

/** Of the header, or else of the first with its name; 0: of none. */
function staticIndexOf(name: string, value: string): [exact: boolean, index: number] {
  let named = 0;
  for (let i = 0; i < STATIC_TABLE.length; i += 2) {
    if (STATIC_TABLE[i] !== name) continue;
    if (STATIC_TABLE[i + 1] === value) return [true, i / 2 + 1];
    if (named === 0) named = i / 2 + 1;
  }
  return [false, named];
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([integer(0, 7, bytes.length), bytes]);
}

function integer(pattern: number, bits: number, value: number): Buffer {
  const mask = (1 << bits) - 1;
  if (value < mask) return Buffer.from([pattern | value]);
  const bytes = [pattern | mask];
  let left = value - mask;
  for (; left > 0x7f; left >>>= 7) bytes.push((left & 0x7f) | 0x80);
  bytes.push(left);
  return Buffer.from(bytes);
}

import { Readable } from 'node:stream';

/** A file on its way into an archive. */
export interface TarFile {
  /** Relative, parts apart by `/`. */
  name: string;
  /** Exactly so many bytes follow. */
  size: number;
  content: AsyncIterable<Uint8Array>;
}

const BLOCK = 512;
const ZEROS = Buffer.alloc(BLOCK);
const NAME = { at: 0, length: 100 };
const SIZE = { at: 124, length: 12 };
const CHECKSUM = { at: 148, length: 8 };
const PREFIX = { at: 345, length: 155 };
const OCTAL_MAX = 0o77777777777;

/** Files as a tar archive: ustar (POSIX.1-1988), with GNU's base-256 sizes from 8 GiB on. `tar` reads it. */
export function tarOf(files: AsyncIterable<TarFile>): Readable {
  async function* blocks(): AsyncGenerator<Uint8Array> {
    for await (const { name, size, content } of files) {
      yield header(name, size);
      let left = size;
      for await (const bytes of content) {
        left -= bytes.length;
        if (left < 0) throw new RangeError(`${name} has more than its ${size} bytes`);
        yield bytes;
      }
      if (left > 0) throw new RangeError(`${name} has ${left} bytes fewer than its ${size}`);
      yield ZEROS.subarray(0, padding(size));
    }
    yield ZEROS;
    yield ZEROS;
  }
  return Readable.from(blocks(), { objectMode: false });
}

/**
 * The files of a tar archive, one after the other; the content of one must be read to its end before the next is asked for.
 * @throws RangeError where it is no archive of plain files, or ends before its end
 */
export async function* filesOf(archive: AsyncIterable<Uint8Array>): AsyncGenerator<TarFile> {
  const source = new Source(archive);
  for (;;) {
    const block = await source.exactly(BLOCK);
    if (block.equals(ZEROS)) return;
    const { name, size } = parsed(block);
    yield { name, size, content: source.next(size) };
    await source.exactly(padding(size));
  }
}

function header(name: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const [prefix, own] = divided(name);
  block.write(own, NAME.at, NAME.length, 'utf8');
  block.write('0000600\0', 100, 'ascii');
  block.write('0000000\0', 108, 'ascii');
  block.write('0000000\0', 116, 'ascii');
  if (size <= OCTAL_MAX) block.write(size.toString(8).padStart(11, '0'), SIZE.at, 'ascii');
  else {
    block.writeBigUInt64BE(BigInt(size), SIZE.at + 4);
    block[SIZE.at] = 0x80;
  }
  block.write('00000000000\0', 136, 'ascii');
  // A plain file.
  block.write('0', 156, 'ascii');
  block.write('ustar\u000000', 257, 'ascii');
  block.write(prefix, PREFIX.at, PREFIX.length, 'utf8');
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, CHECKSUM.at, 'ascii');
  return block;
}

/** A name in two parts that fit. */
function divided(name: string): [string, string] {
  if (Buffer.byteLength(name) <= NAME.length) return ['', name];
  for (let at = name.indexOf('/'); at >= 0; at = name.indexOf('/', at + 1)) {
    const [prefix, own] = [name.slice(0, at), name.slice(at + 1)];
    if (Buffer.byteLength(prefix) <= PREFIX.length && Buffer.byteLength(own) <= NAME.length) return [prefix, own];
  }
  throw new RangeError(`the name ${name} is too long for a tar archive`);
}

function parsed(block: Buffer): { name: string; size: number } {
  const text = (at: number, length: number): string => block.toString('utf8', at, at + length).replace(/\0.*$/s, '');
  const stated = parseInt(text(CHECKSUM.at, CHECKSUM.length), 8);
  if (stated !== checksum(block)) throw new RangeError('it is no tar archive, or it is damaged');
  const [prefix, own] = [text(PREFIX.at, PREFIX.length), text(NAME.at, NAME.length)];
  const name = prefix === '' ? own : `${prefix}/${own}`;
  if (block[156] !== 0x30) throw new RangeError(`${name} is no plain file`);
  const large = ((block[SIZE.at] as number) & 0x80) !== 0;
  const size = large ? Number(block.readBigUInt64BE(SIZE.at + 4)) : parseInt(text(SIZE.at, SIZE.length), 8);
  return { name, size };
}

/** Of all bytes, those of the checksum itself taken for blanks. */
function checksum(block: Buffer): number {
  let sum = 0;
  for (const [i, byte] of block.entries()) sum += i >= CHECKSUM.at && i < CHECKSUM.at + CHECKSUM.length ? 0x20 : byte;
  return sum;
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** A stream of bytes, taken in pieces of one's own. */
class Source {
  private readonly chunks: AsyncIterator<Uint8Array>;
  private rest: Uint8Array = new Uint8Array();

  constructor(archive: AsyncIterable<Uint8Array>) {
    this.chunks = archive[Symbol.asyncIterator]();
  }

  async exactly(size: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for await (const bytes of this.next(size)) parts.push(bytes);
    return Buffer.concat(parts);
  }

  async *next(size: number): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0;) {
      if (this.rest.length === 0) {
        const { done, value } = await this.chunks.next();
        if (done === true) throw new RangeError('it ends before its end: it was cut off');
        this.rest = value;
      }
      const bytes = this.rest.subarray(0, left);
      this.rest = this.rest.subarray(bytes.length);
      left -= bytes.length;
      yield bytes;
    }
  }
}

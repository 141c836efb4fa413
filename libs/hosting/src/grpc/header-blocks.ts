import { ConnectionError, ErrorCode, type StreamError } from './http2-frames.js';
import { HpackDecoder, TOO_LARGE } from './hpack.js';
import { requestHead, type RequestHead } from './request-head.js';

/** CONTINUATION frames of one block: a block of the size that we take fits into two. */
const FRAGMENTS_MAX = 32;

/** Puts together the fragments of a header block, and remembers what the last one came to. */
export class HeaderBlocks {
  /** Of whose block further fragments must come next; 0: of none. */
  stream = 0;
  last = false;
  private fragments: Buffer[] = [];
  private size = 0;
  private readonly hpack: HpackDecoder;
  private known: { block: Buffer; changes: number; head: RequestHead } | null = null;

  constructor(private readonly bytesMax: number) {
    this.hpack = new HpackDecoder(bytesMax);
  }

  begin(stream: number, last: boolean, fragment: Buffer): void {
    this.stream = stream;
    this.last = last;
    this.add(fragment);
  }

  /** @throws ConnectionError ENHANCE_YOUR_CALM for a block that has no end */
  add(fragment: Buffer): void {
    this.size += fragment.length;
    if (this.size > this.bytesMax || this.fragments.length >= FRAGMENTS_MAX)
      throw new ConnectionError(
        ErrorCode.enhanceYourCalm,
        `a header block is longer than ${this.bytesMax} bytes, or has more than ${FRAGMENTS_MAX} fragments`,
        'abuse',
      );
    // The frame's memory is another's after this.
    this.fragments.push(Buffer.from(fragment));
  }

  /** All fragments are here. */
  finish(): Buffer {
    const block = Buffer.concat(this.fragments);
    this.fragments = [];
    this.size = 0;
    this.stream = 0;
    return block;
  }

  /**
   * @returns what the block says, or what is wrong with it
   * @throws ConnectionError COMPRESSION_ERROR
   */
  head(bytes: Buffer, from: number, to: number): RequestHead | StreamError | typeof TOO_LARGE {
    const { hpack, known } = this;
    const same =
      known !== null &&
      known.changes === hpack.changes &&
      known.block.length === to - from &&
      bytes.compare(known.block, 0, to - from, from, to) === 0;
    if (same) return known.head;
    const { changes } = hpack;
    const list = hpack.decode(bytes.subarray(from, to));
    if (list === TOO_LARGE) return list;
    try {
      const head = requestHead(list);
      if (changes === hpack.changes) this.known = { block: Buffer.from(bytes.subarray(from, to)), changes, head };
      return head;
    } catch (error) {
      return error as StreamError;
    }
  }

  /** @throws ConnectionError COMPRESSION_ERROR */
  trailers(block: Buffer): readonly string[] {
    const list = this.hpack.decode(block);
    return list === TOO_LARGE ? [] : list;
  }
}

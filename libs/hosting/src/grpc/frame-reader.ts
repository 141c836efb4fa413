import { ConnectionError, ErrorCode, FRAME_BYTES_MAX, FRAME_HEAD_BYTES, PREFACE, uint32At } from './http2-frames.js';

/** Is handed each frame; the payload lies in memory that is the reader's until the call returns, and nobody's after. */
export type FrameHandler = (
  type: number,
  flags: number,
  stream: number,
  bytes: Buffer,
  from: number,
  to: number,
) => void;

/**
 * Cuts what a client sends into frames, without copying those that came whole. Of one that did not, at most one frame's bytes are kept.
 */
export class FrameReader {
  private prefaceAt = 0;
  private part: Buffer | null = null;
  private filled = 0;
  /** Whether the last bytes left a frame, or the preface, unfinished. */
  get within(): boolean {
    return this.filled > 0 || this.prefaceAt < PREFACE.length;
  }

  constructor(private readonly handle: FrameHandler) {}

  /** @throws ConnectionError for what is no HTTP/2, and what the handler throws */
  read(chunk: Buffer): void {
    let at = this.prefaceAt < PREFACE.length ? this.preface(chunk) : 0;
    if (this.filled > 0) at = this.complete(chunk, at);
    const end = chunk.length;
    while (at + FRAME_HEAD_BYTES <= end) {
      const length = lengthAt(chunk, at);
      const to = at + FRAME_HEAD_BYTES + length;
      if (to > end) break;
      this.emit(chunk, at, to);
      at = to;
    }
    if (at < end) this.keep(chunk, at);
  }

  private preface(chunk: Buffer): number {
    const length = Math.min(chunk.length, PREFACE.length - this.prefaceAt);
    if (chunk.compare(PREFACE, this.prefaceAt, this.prefaceAt + length, 0, length) !== 0)
      throw new ConnectionError(
        ErrorCode.protocolError,
        'the connection does not begin as HTTP/2 with prior knowledge',
      );
    this.prefaceAt += length;
    return length;
  }

  private keep(chunk: Buffer, at: number): void {
    const left = chunk.length - at;
    const length = left < FRAME_HEAD_BYTES ? 0 : lengthAt(chunk, at);
    this.part = Buffer.allocUnsafe(FRAME_HEAD_BYTES + length);
    chunk.copy(this.part, 0, at);
    this.filled = left;
  }

  /** Fills up the frame that was begun. @returns where the next one begins */
  private complete(chunk: Buffer, from: number): number {
    let at = from;
    if (this.filled < FRAME_HEAD_BYTES) {
      at = this.fill(chunk, at, FRAME_HEAD_BYTES);
      if (this.filled < FRAME_HEAD_BYTES) return at;
      const head = this.part as Buffer;
      this.part = Buffer.allocUnsafe(FRAME_HEAD_BYTES + lengthAt(head, 0));
      head.copy(this.part, 0, 0, FRAME_HEAD_BYTES);
    }
    const whole = this.part as Buffer;
    at = this.fill(chunk, at, whole.length);
    if (this.filled < whole.length) return at;
    this.filled = 0;
    this.part = null;
    this.emit(whole, 0, whole.length);
    return at;
  }

  private fill(chunk: Buffer, at: number, to: number): number {
    const copied = Math.min(chunk.length - at, to - this.filled);
    chunk.copy(this.part as Buffer, this.filled, at, at + copied);
    this.filled += copied;
    return at + copied;
  }

  private emit(bytes: Buffer, at: number, to: number): void {
    const stream = uint32At(bytes, at + 5) & 0x7fff_ffff;
    this.handle(bytes[at + 3] as number, bytes[at + 4] as number, stream, bytes, at + FRAME_HEAD_BYTES, to);
  }
}

function lengthAt(bytes: Buffer, at: number): number {
  const length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
  if (length > FRAME_BYTES_MAX)
    throw new ConnectionError(
      ErrorCode.frameSizeError,
      `a frame says that it has ${length} bytes; at most ${FRAME_BYTES_MAX} may be`,
    );
  return length;
}

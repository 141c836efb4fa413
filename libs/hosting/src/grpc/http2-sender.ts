import type { Budget } from './budget.js';
import {
  ConnectionError,
  ErrorCode,
  Flag,
  FRAME_BYTES_MAX,
  FRAME_HEAD_BYTES,
  FrameType,
  frame,
  putFrameHead,
  putUint32,
  Setting,
  WINDOW_DEFAULT,
  WINDOW_MAX,
} from './http2-frames.js';
import type { Http2Stream } from './http2-stream.js';
import { SLAB_BYTES, type Outbox } from './outbox.js';

/** Pieces of this size and more leave as they are; smaller ones are copied beside their neighbours. */
const ATTACHED_BYTES = 8_192;

/** Sends a connection's frames, and keeps back what the client's windows, or its slow reading, do not let out yet. */
export class Http2Sender {
  /** What a new stream may send. */
  initialWindow = WINDOW_DEFAULT;
  private window = WINDOW_DEFAULT;
  private frameBytes = FRAME_BYTES_MAX;
  /** The socket takes no more for now. */
  private blocked = false;
  /** Streams that have data and window. */
  private readonly ready: Http2Stream[] = [];
  unsentBytes = 0;
  /** Frames of data that have left. */
  dataFrames = 0;

  constructor(
    private readonly out: Outbox,
    private readonly budget: Budget,
    /** An answer has left to its end. */
    private readonly answerSent: (stream: Http2Stream) => void,
  ) {}

  /**
   * A whole answer: mostly three frames beside one another, in memory that leaves with the turn.
   * @param headers and trailers: blocks
   * @param lead what stands before the body; its memory is the caller's again when this returns
   */
  whole(stream: Http2Stream, headers: Buffer, lead: Buffer, body: Buffer, trailers: Buffer): void {
    const length = lead.length + body.length;
    const size = headers.length + length + trailers.length + 3 * FRAME_HEAD_BYTES;
    if (
      this.blocked ||
      length > this.window ||
      length > stream.sendWindow ||
      length > this.frameBytes ||
      size > SLAB_BYTES
    ) {
      this.headers(stream, headers, false);
      this.data(stream, Buffer.from(lead), body);
      return this.end(stream, trailers);
    }
    this.window -= length;
    stream.sendWindow -= length;
    const { out } = this;
    const { id } = stream;
    let at = out.reserve(size);
    const { slab } = out;
    putFrameHead(slab, at, headers.length, FrameType.headers, Flag.endHeaders, id);
    slab.set(headers, (at += FRAME_HEAD_BYTES));
    putFrameHead(slab, (at += headers.length), length, FrameType.data, 0, id);
    slab.set(lead, (at += FRAME_HEAD_BYTES));
    slab.set(body, (at += lead.length));
    putFrameHead(slab, (at += body.length), trailers.length, FrameType.headers, Flag.endHeaders | Flag.endStream, id);
    slab.set(trailers, at + FRAME_HEAD_BYTES);
    stream.localClosed = true;
    this.dataFrames += 1;
    this.answerSent(stream);
  }

  headers(stream: Http2Stream, block: Buffer, last: boolean): void {
    this.block(stream, block, last);
    if (!last) return;
    stream.localClosed = true;
    this.answerSent(stream);
  }

  /** Data of an answer; it may be kept, and must not be written to any more. */
  data(stream: Http2Stream, ...parts: readonly Buffer[]): void {
    for (const bytes of parts) {
      if (bytes.length === 0) continue;
      (stream.unsent ??= []).push(bytes);
      stream.unsentBytes += bytes.length;
      this.unsentBytes += bytes.length;
      this.budget.used += bytes.length;
    }
    this.enqueue(stream);
    this.pump();
  }

  /** @param trailers a block; empty: none, the data alone ends the answer */
  end(stream: Http2Stream, trailers: Buffer): void {
    stream.localClosed = true;
    stream.trailers = trailers;
    if (stream.unsentBytes === 0) this.finish(stream);
  }

  /** Forgets what was kept of a stream. */
  drop(stream: Http2Stream): void {
    this.removeUnsent(stream, stream.unsentBytes);
    stream.unsent = stream.trailers = null;
  }

  resetFrame(id: number, code: number): void {
    this.uint32Frame(FrameType.rstStream, id, code);
  }
  windowUpdate(id: number, bytes: number): void {
    this.uint32Frame(FrameType.windowUpdate, id, bytes);
  }
  raw(bytes: Buffer): void {
    this.out.put(bytes);
  }

  /** @throws ConnectionError FLOW_CONTROL_ERROR */
  connectionWindow(bytes: number): void {
    this.window += bytes;
    if (this.window > WINDOW_MAX) throw tooWide();
    this.pump();
  }

  /** @returns whether the window may be so wide */
  streamWindow(stream: Http2Stream, bytes: number): boolean {
    stream.sendWindow += bytes;
    if (stream.sendWindow > WINDOW_MAX) return false;
    this.enqueue(stream);
    this.pump();
    return true;
  }

  private setInitialWindow(bytes: number, streams: Iterable<Http2Stream>): void {
    const change = bytes - this.initialWindow;
    if (change === 0) return;
    this.initialWindow = bytes;
    for (const stream of streams) if (!this.streamWindow(stream, change)) throw tooWide();
  }

  /**
   * What the client asks for.
   * @param settings identifiers with their values
   * @throws ConnectionError FLOW_CONTROL_ERROR: RFC 9113, section 6.9.2
   */
  apply(settings: ReadonlyMap<number, number>, streams: Iterable<Http2Stream>): void {
    const frameBytes = settings.get(Setting.maxFrameSize);
    // More would keep the others waiting.
    if (frameBytes !== undefined) this.frameBytes = Math.min(frameBytes, FRAME_BYTES_MAX * 4);
    const window = settings.get(Setting.initialWindowSize);
    if (window !== undefined) this.setInitialWindow(window, streams);
  }

  /** Whether so much of an answer would leave at once, in a frame. */
  takesNow(stream: Http2Stream, bytes: number): boolean {
    const room = Math.min(this.window, stream.sendWindow, this.frameBytes);
    return !this.blocked && this.unsentBytes === 0 && bytes <= room;
  }

  hold(): void {
    this.blocked = true;
  }
  /** @returns whether the socket takes more after what was held back */
  unblock(): boolean {
    this.blocked = false;
    this.pump();
    return !this.blocked;
  }

  private enqueue(stream: Http2Stream): void {
    if (stream.queued || stream.unsentBytes === 0 || stream.sendWindow <= 0) return;
    stream.queued = true;
    this.ready.push(stream);
  }

  /** A frame of each stream in turn, as long as windows and socket allow. */
  private pump(): void {
    const { ready } = this;
    while (ready.length > 0 && this.window > 0 && !this.blocked) {
      const stream = ready.shift() as Http2Stream;
      stream.queued = false;
      if (stream.unsentBytes === 0 || stream.sendWindow <= 0) continue;
      this.piece(stream);
      if (stream.unsentBytes > 0) this.enqueue(stream);
      else if (stream.trailers !== null) this.finish(stream);
      else stream.drained();
    }
  }

  private piece(stream: Http2Stream): void {
    const { out } = this;
    const unsent = stream.unsent as Buffer[];
    const length = Math.min(stream.unsentBytes, stream.sendWindow, this.window, this.frameBytes);
    const at = out.reserve(FRAME_HEAD_BYTES);
    putFrameHead(out.slab, at, length, FrameType.data, 0, stream.id);
    for (let left = length; left > 0;) {
      const first = unsent[0] as Buffer;
      const part = first.length <= left ? first : first.subarray(0, left);
      if (part.length >= ATTACHED_BYTES) out.attach(part);
      else out.put(part);
      left -= part.length;
      if (part === first) unsent.shift();
      else unsent[0] = first.subarray(part.length);
    }
    this.window -= length;
    stream.sendWindow -= length;
    stream.sentBytes += length;
    this.dataFrames += 1;
    this.removeUnsent(stream, length);
    // A reader that is slower than we are is noticed between frames.
    if (this.unsentBytes > SLAB_BYTES) out.flush();
  }

  private removeUnsent(stream: Http2Stream, bytes: number): void {
    stream.unsentBytes -= bytes;
    this.unsentBytes -= bytes;
    this.budget.give(bytes);
  }

  private finish(stream: Http2Stream): void {
    const { trailers } = stream;
    stream.trailers = null;
    if (trailers === null) return;
    if (trailers.length === 0) this.out.put(frame(FrameType.data, Flag.endStream, stream.id));
    else this.block(stream, trailers, true);
    this.answerSent(stream);
  }

  /** In frames of the size that every peer takes: what does not fit into HEADERS goes on in CONTINUATION, with nothing between (RFC 9113, section 4.3). */
  private block(stream: Http2Stream, block: Buffer, last: boolean): void {
    let type: number = FrameType.headers;
    let flags: number = last ? Flag.endStream : 0;
    let from = 0;
    for (; block.length - from > FRAME_BYTES_MAX; from += FRAME_BYTES_MAX) {
      this.fragment(stream.id, type, flags, block.subarray(from, from + FRAME_BYTES_MAX));
      type = FrameType.continuation;
      flags = 0;
    }
    this.fragment(stream.id, type, flags | Flag.endHeaders, from === 0 ? block : block.subarray(from));
  }

  private fragment(id: number, type: number, flags: number, bytes: Buffer): void {
    const { out } = this;
    const at = out.reserve(FRAME_HEAD_BYTES + bytes.length);
    putFrameHead(out.slab, at, bytes.length, type, flags, id);
    out.slab.set(bytes, at + FRAME_HEAD_BYTES);
  }

  private uint32Frame(type: number, id: number, value: number): void {
    const { out } = this;
    const at = out.reserve(FRAME_HEAD_BYTES + 4);
    putFrameHead(out.slab, at, 4, type, 0, id);
    putUint32(out.slab, at + FRAME_HEAD_BYTES, value);
  }
}

/** @param debug for people who look at the connection; cut to what a frame may hold */
export function goAwayFrame(last: number, code: number, debug = ''): Buffer {
  const text = Buffer.from(debug.slice(0, 500));
  const payload = Buffer.alloc(8 + text.length);
  payload.writeUInt32BE(last, 0);
  payload.writeUInt32BE(code, 4);
  text.copy(payload, 8);
  return frame(FrameType.goaway, 0, 0, payload);
}

function tooWide(): ConnectionError {
  return new ConnectionError(ErrorCode.flowControlError, 'a window would be wider than 2^31 - 1 bytes');
}

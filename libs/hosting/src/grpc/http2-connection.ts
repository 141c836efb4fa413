import type { Socket } from 'node:net';
import { Budget } from './budget.js';
import { EmptyWork } from './empty-work.js';
import { FrameReader } from './frame-reader.js';
import { HeaderBlocks } from './header-blocks.js';
import { TOO_LARGE } from './hpack.js';
import {
  CONNECTION_WINDOW,
  ConnectionError,
  ErrorCode,
  Flag,
  frame,
  FrameType,
  Setting,
  SETTING_BYTES,
  settingsFrame,
  settingsIn,
  STREAM_WINDOW,
  StreamError,
  uint32At,
  unpadded,
  violation,
  WINDOW_DEFAULT,
  WINDOW_MAX,
} from './http2-frames.js';
import { goAwayFrame, Http2Sender } from './http2-sender.js';
import type { Ending, Shared } from './http2-shared.js';
import type { Http2Stream } from './http2-stream.js';
import { Outbox } from './outbox.js';
import { Progress } from './progress.js';
import { checkTrailers } from './request-head.js';

/** A request that its client takes back so soon was never meant; ms. */
const RAPID_MS = 5;
const RESETS_REMEMBERED = 4_096;
const CLOSING_MS_MAX = 1_000;
const PING_BYTES = 8;

/** The server's end of an HTTP/2 connection: RFC 9113, without push, priorities and upgrade. */
export class Http2Connection {
  readonly sender: Http2Sender;
  readonly streams = new Map<number, Http2Stream>();
  /** Requests that nobody waits for any more, and that are still being worked on. */
  abandoned = 0;
  /** performance.now() of the last bytes that came. */
  now: number;
  /** What its requests that are not whole may take. */
  readonly requestBytes: Budget;
  private readonly out: Outbox;
  private readonly reader: FrameReader;
  private readonly blocks: HeaderBlocks;
  private readonly resets: number[] = [];
  /** Streams that we ended, and whose client may not have known that when it reset them: each once. */
  private resetsToCross = 0;
  private lastStream = 0;
  /** The last stream whose headers made it depend on itself. */
  private ofItself = 0;
  private receiveWindow = WINDOW_DEFAULT;
  private ungranted = 0;
  private readonly emptyWork = new EmptyWork();
  /** Pings that follow work measure it, as gRPC's clients do to size their windows, and cost nothing. */
  private worked = false;
  private dataFrames = 0;
  private settled = false;
  private frames = 0;
  private partSince = 0;
  private pingedAt = 0;
  private readonly progress: Progress;
  private draining = false;
  private refusing = false;
  private closingSince = 0;
  private readonly openedAt: number;

  constructor(
    readonly socket: Socket,
    private readonly shared: Shared,
    private readonly over: (ending: Ending, why: string) => void,
  ) {
    const { limits, slabs, turnEnd, budget } = shared;
    this.openedAt = this.now = performance.now();
    this.progress = new Progress(this.now, 0);
    this.requestBytes = new Budget(shared.requestBytesMax, budget);
    this.out = new Outbox(socket, slabs, turnEnd, () => this.full());
    this.sender = new Http2Sender(this.out, budget, (stream) => this.answered(stream));
    this.blocks = new HeaderBlocks(limits.headerBytesMax);
    this.reader = new FrameReader((type, flags, stream, bytes, from, to) =>
      this.frame(type, flags, stream, bytes, from, to),
    );
    socket.on('data', (chunk: Buffer) => this.read(chunk));
    socket.on('drain', () => {
      socket.resume();
      this.sender.unblock();
    });
    socket.on('error', () => undefined);
    socket.on('end', () => this.end('client', ''));
    socket.on('close', () => this.end('client', ''));
    this.sender.raw(
      settingsFrame([
        [Setting.maxConcurrentStreams, limits.streamsMax],
        [Setting.initialWindowSize, STREAM_WINDOW],
        [Setting.maxHeaderListSize, limits.headerBytesMax],
      ]),
    );
    this.sender.windowUpdate(0, CONNECTION_WINDOW - WINDOW_DEFAULT);
    this.receiveWindow = CONNECTION_WINDOW;
  }

  /** Where the client is: `address:port`. */
  get peer(): string {
    const { remoteAddress, remotePort } = this.socket;
    return remoteAddress === undefined ? 'unknown' : `${remoteAddress}:${remotePort}`;
  }

  /** Lets what is under way end, and takes no more. */
  drain(): void {
    if (this.draining || this.closingSince > 0) return;
    this.draining = true;
    // What crosses this on its way is still taken: RFC 9113, section 6.8.
    this.sender.raw(goAwayFrame(WINDOW_MAX, ErrorCode.noError, STOPPING));
    this.sender.raw(frame(FrameType.ping, 0, 0, DRAINED));
  }

  /** Ends it now. */
  end(ending: Ending, why: string): void {
    if (this.closingSince === 0) {
      this.closingSince = this.now;
      this.over(ending, why);
    }
    for (const stream of [...this.streams.values()]) this.forget(stream);
    this.out.flush();
    if (ending === 'client' || ending === 'silent' || ending === 'stalled') this.socket.destroy();
    else this.socket.end();
  }

  /** Once a second: counts begin anew, and what takes too long ends. @param now performance.now() */
  check(now: number): void {
    const { limits } = this.shared;
    this.emptyWork.renew();
    if (this.closingSince > 0) {
      if (now - this.closingSince > CLOSING_MS_MAX) this.socket.destroy();
      return;
    }
    // A client that does not answer the ping of `drain` has had time enough.
    if (this.draining && !this.refusing) this.refuseMore();
    if (!this.settled && now - this.openedAt > limits.handshakeMsMax) return this.end('handshake', 'no settings came');
    if (this.partSince > 0 && now - this.partSince > limits.stallMsMax)
      return this.end('stalled', 'a frame was begun and not ended');
    if (this.isStuck(now)) return this.end('stalled', 'what was sent was not read');
    if (this.pingedAt > 0 && now - this.pingedAt > limits.stallMsMax) return this.end('silent', 'it does not answer');
    if (this.pingedAt === 0 && now - this.now > limits.silenceMsMax) {
      this.pingedAt = now;
      this.sender.raw(frame(FrameType.ping, 0, 0, ALIVE));
    }
    for (const stream of this.streams.values()) stream.check(now);
  }

  /** Ends a stream by a code, whatever its state. */
  reset(stream: Http2Stream, code: number): void {
    if (stream.over) return;
    this.resetId(stream.id, code);
    this.forget(stream);
  }

  /** Whether too little of the socket's backlog has left for too long. */
  private isStuck(now: number): boolean {
    const backlog = this.socket.writableLength;
    const written = this.socket.bytesWritten - backlog;
    if (backlog > 0) return this.progress.tooSlow(now, written, this.shared.limits.stallMsMax);
    this.progress.restart(now, written);
    return false;
  }

  private full(): void {
    // Who does not read shall not ask either.
    this.socket.pause();
    this.sender.hold();
  }

  private read(chunk: Buffer): void {
    if (this.closingSince > 0) return;
    this.now = performance.now();
    this.pingedAt = 0;
    const { frames } = this;
    try {
      this.reader.read(chunk);
      if (this.ungranted >= CONNECTION_WINDOW / 2) {
        this.sender.windowUpdate(0, this.ungranted);
        this.receiveWindow += this.ungranted;
        this.ungranted = 0;
      }
      if (this.frames !== frames) this.partSince = 0;
      const within = this.reader.within || this.blocks.stream !== 0;
      if (within && this.partSince === 0) this.partSince = this.now;
    } catch (error) {
      this.fatal(error instanceof ConnectionError ? error : defect(error));
    }
  }

  private fatal({ code, message, reason }: ConnectionError): void {
    this.sender.raw(goAwayFrame(this.lastStream, code, reason === 'defect' ? '' : message));
    this.end(reason, message);
  }

  private frame(type: number, flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (this.closingSince > 0) return;
    this.frames += 1;
    if (this.blocks.stream !== 0 && (type !== FrameType.continuation || id !== this.blocks.stream))
      throw violation('a header block is interrupted');
    if (!this.settled && (type !== FrameType.settings || (flags & Flag.ack) !== 0))
      throw violation('the first frame is no SETTINGS');
    switch (type) {
      case FrameType.data:
        return this.data(flags, id, bytes, from, to);
      case FrameType.headers:
        return this.headers(flags, id, bytes, from, to);
      case FrameType.continuation:
        return this.continuation(flags, id, bytes, from, to);
      case FrameType.windowUpdate:
        return this.windowUpdate(id, bytes, from, to);
      case FrameType.rstStream:
        return this.wasReset(id, to - from);
      case FrameType.settings:
        return this.settings(flags, id, bytes, from, to);
      case FrameType.ping:
        return this.ping(flags, id, bytes, from, to);
      case FrameType.goaway:
        if (id !== 0) throw violation('GOAWAY belongs to no stream');
        return this.emptyWork.count();
      case FrameType.priority:
        return this.priority(id, bytes, from, to);
      case FrameType.pushPromise:
        throw violation('a client may not push');
      default:
        return this.emptyWork.count();
    }
  }

  private data(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    const size = to - from;
    const last = (flags & Flag.endStream) !== 0;
    if (id === 0) throw violation('DATA belongs to a stream');
    this.receiveWindow -= size;
    this.ungranted += size;
    if (this.receiveWindow < 0) throw new ConnectionError(ErrorCode.flowControlError, 'more came than was granted');
    const [begin, end] = unpadded(flags, bytes, from, to);
    if (begin !== end) this.worked = true;
    else if (!last) this.emptyWork.count();
    const stream = this.streams.get(id);
    if (stream === undefined || stream.remoteClosed) return this.late(id, 'DATA');
    stream.receiveWindow -= size;
    stream.ungranted += size;
    if (stream.receiveWindow < 0) return this.reset(stream, ErrorCode.flowControlError);
    if (!last && stream.ungranted >= STREAM_WINDOW / 2) {
      this.sender.windowUpdate(id, stream.ungranted);
      stream.receiveWindow += stream.ungranted;
      stream.ungranted = 0;
    }
    this.taken(stream, bytes.subarray(begin, end), last);
  }

  private taken(stream: Http2Stream, bytes: Buffer, last: boolean): void {
    try {
      stream.took(bytes, last);
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      this.emptyWork.count();
      this.reset(stream, error.code);
    }
  }

  private headers(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (id === 0 || id % 2 === 0) throw violation(`a client's streams have odd numbers, not ${id}`);
    const [start, end] = unpadded(flags, bytes, from, to);
    let begin = start;
    if ((flags & Flag.priority) !== 0) {
      if (end - begin < 5) throw new ConnectionError(ErrorCode.frameSizeError, 'HEADERS lacks its priority');
      if ((uint32At(bytes, begin) & WINDOW_MAX) === id) this.ofItself = id;
      begin += 5;
    }
    const last = (flags & Flag.endStream) !== 0;
    if ((flags & Flag.endHeaders) === 0) this.blocks.begin(id, last, bytes.subarray(begin, end));
    else this.block(id, last, bytes, begin, end);
  }

  private continuation(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    const { blocks } = this;
    if (id !== blocks.stream || id === 0) throw violation('CONTINUATION continues nothing');
    blocks.add(bytes.subarray(from, to));
    if ((flags & Flag.endHeaders) === 0) return;
    const block = blocks.finish();
    this.block(id, blocks.last, block, 0, block.length);
  }

  private block(id: number, last: boolean, bytes: Buffer, from: number, to: number): void {
    const known = this.streams.get(id);
    if (known !== undefined || id <= this.lastStream) return this.trailers(id, known, last, bytes.subarray(from, to));
    const head = this.blocks.head(bytes, from, to);
    this.lastStream = id;
    if (head instanceof StreamError || this.ofItself === id) {
      this.emptyWork.count();
      return this.resetId(id, ErrorCode.protocolError);
    }
    if (this.streams.size + this.abandoned >= this.shared.limits.streamsMax || this.refusing) {
      this.emptyWork.count();
      return this.resetId(id, ErrorCode.refusedStream);
    }
    const { shared } = this;
    this.worked = true;
    const stream = head === TOO_LARGE ? shared.headersTooLarge(this, id, last) : shared.open(this, id, head, last);
    if (stream.over) return;
    this.streams.set(id, stream);
    if (last) this.taken(stream, NOTHING, true);
  }

  private trailers(id: number, stream: Http2Stream | undefined, last: boolean, block: Buffer): void {
    const list = this.blocks.list(block);
    if (stream === undefined || stream.remoteClosed) return this.late(id, 'HEADERS');
    try {
      if (this.ofItself === id) throw new StreamError(ErrorCode.protocolError, 'a stream depends on itself');
      if (!last) throw new StreamError(ErrorCode.protocolError, 'headers came twice');
      checkTrailers(list);
    } catch (error) {
      return this.reset(stream, (error as StreamError).code);
    }
    this.taken(stream, NOTHING, true);
  }

  /** A frame of a stream that is no more: of no harm where we ended it, for the client may not have heard of that. */
  private late(id: number, type: string): void {
    if (id > this.lastStream) throw violation(`${type} came for stream ${id}, which nobody opened`);
    if (this.resets.lastIndexOf(id) >= 0) return;
    if (this.streams.has(id)) return this.reset(this.streams.get(id) as Http2Stream, ErrorCode.streamClosed);
    throw new ConnectionError(ErrorCode.streamClosed, `${type} came for stream ${id}, which the client had ended`);
  }

  private windowUpdate(id: number, bytes: Buffer, from: number, to: number): void {
    if (to - from !== 4) throw new ConnectionError(ErrorCode.frameSizeError, 'WINDOW_UPDATE has four bytes');
    const more = uint32At(bytes, from) & WINDOW_MAX;
    if (id === 0) {
      if (more === 0) throw violation('a window is widened by nothing');
      return this.sender.connectionWindow(more);
    }
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (id > this.lastStream) throw violation(`WINDOW_UPDATE came for stream ${id}, which nobody opened`);
      return;
    }
    if (more === 0) return this.reset(stream, ErrorCode.protocolError);
    if (!this.sender.streamWindow(stream, more)) this.reset(stream, ErrorCode.flowControlError);
  }

  private wasReset(id: number, size: number): void {
    if (size !== 4) throw new ConnectionError(ErrorCode.frameSizeError, 'RST_STREAM has four bytes');
    if (id === 0 || id > this.lastStream) throw violation(`RST_STREAM came for stream ${id}, which nobody opened`);
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.resetsToCross > 0) this.resetsToCross -= 1;
      else this.emptyWork.count();
      return;
    }
    // CVE-2023-44487: asking and taking back, without end.
    this.emptyWork.count(this.now - stream.openedAt <= RAPID_MS ? 1 : 0.1);
    this.forget(stream);
  }

  private settings(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    const size = to - from;
    const ack = (flags & Flag.ack) !== 0;
    if (id !== 0) throw violation('SETTINGS belongs to no stream');
    if (size % SETTING_BYTES !== 0 || (ack && size > 0))
      throw new ConnectionError(ErrorCode.frameSizeError, 'SETTINGS has six bytes for each');
    if (ack) return;
    this.emptyWork.count(Math.max(1, size / SETTING_BYTES));
    this.settled = true;
    this.sender.raw(SETTINGS_ACK);
    const settings = settingsIn(bytes, from, to);
    const frameBytes = settings.get(Setting.maxFrameSize);
    if (frameBytes !== undefined) this.sender.setFrameBytes(frameBytes);
    const window = settings.get(Setting.initialWindowSize);
    if (window !== undefined) this.sender.setInitialWindow(window, this.streams.values());
  }

  private ping(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (id !== 0) throw violation('PING belongs to no stream');
    if (to - from !== PING_BYTES) throw new ConnectionError(ErrorCode.frameSizeError, 'PING has eight bytes');
    const { dataFrames } = this.sender;
    if (!this.worked && dataFrames === this.dataFrames) this.emptyWork.count();
    this.worked = false;
    this.dataFrames = dataFrames;
    const payload = bytes.subarray(from, to);
    if ((flags & Flag.ack) === 0) return this.sender.raw(frame(FrameType.ping, Flag.ack, 0, payload));
    if (this.draining && !this.refusing && payload.equals(DRAINED)) this.refuseMore();
  }

  /** The client knows by now that the server is being stopped. */
  private refuseMore(): void {
    this.refusing = true;
    this.sender.raw(goAwayFrame(this.lastStream, ErrorCode.noError, STOPPING));
    this.endIfDrained();
  }

  private priority(id: number, bytes: Buffer, from: number, to: number): void {
    if (id === 0) throw violation('PRIORITY belongs to a stream');
    this.emptyWork.count();
    if (to - from !== 5) throw new ConnectionError(ErrorCode.frameSizeError, 'PRIORITY has five bytes');
    if ((uint32At(bytes, from) & WINDOW_MAX) !== id) return;
    const stream = this.streams.get(id);
    if (stream === undefined) this.resetId(id, ErrorCode.protocolError);
    else this.reset(stream, ErrorCode.protocolError);
  }

  /** The answer has left. */
  private answered(stream: Http2Stream): void {
    if (stream.over) return;
    // What the client still has to say is of no use any more.
    if (!stream.remoteClosed) this.resetId(stream.id, ErrorCode.noError);
    else this.resetsToCross += 1;
    this.forget(stream);
  }

  private resetId(id: number, code: number): void {
    this.sender.resetFrame(id, code);
    this.resetsToCross += 1;
    if (this.resets.push(id) > RESETS_REMEMBERED) this.resets.shift();
  }

  private forget(stream: Http2Stream): void {
    if (stream.over) return;
    stream.over = true;
    this.streams.delete(stream.id);
    this.sender.drop(stream);
    stream.abort();
    this.endIfDrained();
  }

  private endIfDrained(): void {
    if (this.refusing && this.streams.size === 0 && this.closingSince === 0) this.end('drained', '');
  }
}

/** Of ours: it costs the client its connection, and not the others theirs. */
function defect(error: unknown): ConnectionError {
  return new ConnectionError(ErrorCode.internalError, String((error as Error).stack ?? error), 'defect');
}

const STOPPING = 'the server is being stopped';
const NOTHING = Buffer.alloc(0);
const SETTINGS_ACK = frame(FrameType.settings, Flag.ack, 0);
const ALIVE = Buffer.from('gyrelive');
const DRAINED = Buffer.from('gyredone');

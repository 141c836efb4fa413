import type { Socket } from 'node:net';
import { Budget } from './budget.js';
import { Draining } from './draining.js';
import { EmptyWork } from './empty-work.js';
import { FrameReader } from './frame-reader.js';
import { HeaderBlocks } from './header-blocks.js';
import { TOO_LARGE } from './hpack.js';
import {
  CONNECTION_WINDOW,
  ConnectionError,
  defect,
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
import { peerOf, type ConnectionContext, type Ending } from './http2-shared.js';
import type { Http2Stream } from './http2-stream.js';
import { Liveness } from './liveness.js';
import { Outbox } from './outbox.js';
import { checkTrailers } from './request-head.js';

const RESETS_REMEMBERED = 4_096;
const CLOSING_MS_MAX = 1_000;
const PING_BYTES = 8;

/** The server's end of an HTTP/2 connection: RFC 9113, without push, priorities and upgrade. */
export class Http2Connection {
  readonly sender: Http2Sender;
  readonly streams = new Map<number, Http2Stream>();
  /** Requests that nobody waits for any more, and that are still being worked on. */
  abandoned = 0;
  readonly liveness: Liveness;
  /** What its requests may take before their handlers have them. */
  readonly requestBytes: Budget;
  private readonly out: Outbox;
  private readonly reader: FrameReader;
  private readonly blocks: HeaderBlocks;
  private readonly resets: number[] = [];
  private lastStream = 0;
  /** The last stream whose headers made it depend on itself. */
  private ofItself = 0;
  private receiveWindow = CONNECTION_WINDOW;
  private ungranted = 0;
  private readonly emptyWork = new EmptyWork();
  private frames = 0;
  private readonly draining: Draining;
  private closingSince = 0;

  constructor(
    readonly socket: Socket,
    private readonly context: ConnectionContext,
    private readonly onEnded: (ending: Ending, why: string) => void,
  ) {
    const { limits, slabs, turnEnd, budget } = context;
    this.liveness = new Liveness(socket, limits, performance.now());
    this.requestBytes = new Budget(context.requestBytesMax, budget);
    this.out = new Outbox(socket, slabs, turnEnd, () => this.full());
    this.sender = new Http2Sender(this.out, budget, (stream) => this.answerSent(stream));
    this.draining = new Draining(this.sender);
    this.blocks = new HeaderBlocks(limits.headerBytesMax);
    this.reader = new FrameReader((type, flags, stream, bytes, from, to) =>
      this.frame(type, flags, stream, bytes, from, to),
    );
    socket.on('data', (chunk: Buffer) => this.read(chunk));
    socket.on('drain', () => {
      if (this.sender.unblock()) this.liveness.resume(performance.now());
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
  }

  /** Where the client is: `address:port`. */
  get peer(): string {
    return peerOf(this.socket);
  }

  /** Lets what is under way end, and takes no more. */
  drain(): void {
    if (this.closingSince === 0) this.draining.begin();
  }

  /** Ends it now. */
  end(ending: Ending, why: string): void {
    if (this.closingSince === 0) {
      this.closingSince = performance.now();
      this.onEnded(ending, why);
    }
    for (const stream of [...this.streams.values()]) this.forget(stream);
    this.out.flush();
    if (ending === 'client' || ending === 'silent' || ending === 'stalled') this.socket.destroy();
    else this.socket.end();
  }

  /** Once a second: counts begin anew, and what takes too long ends. @param now performance.now() */
  check(now: number): void {
    this.emptyWork.renew();
    if (this.closingSince > 0) {
      if (now - this.closingSince > CLOSING_MS_MAX) this.socket.destroy();
      return;
    }
    // A client that does not answer the ping of `drain` has had time enough.
    if (this.draining.waiting) this.refuseMore();
    const failure = this.liveness.failure(now);
    if (failure !== null) return this.end(...failure);
    if (this.liveness.isSilent(now)) {
      this.liveness.asked(now);
      this.sender.raw(frame(FrameType.ping, 0, 0, ALIVE));
    }
    const listened = this.liveness.listened(now);
    for (const stream of this.streams.values()) stream.check(now, listened);
  }

  /** Ends a stream by a code, whatever its state. */
  reset(stream: Http2Stream, code: number): void {
    if (stream.over) return;
    this.resetId(stream.id, code);
    this.forget(stream);
  }

  /** Lets the client send more of a request, where it has used half of what it may and its messages do not wait for us. */
  grant(stream: Http2Stream): void {
    if (stream.ungranted < STREAM_WINDOW / 2 || stream.remoteClosed || stream.over || stream.congested) return;
    this.sender.windowUpdate(stream.id, stream.ungranted);
    stream.receiveWindow += stream.ungranted;
    stream.ungranted = 0;
  }

  private full(): void {
    // Who does not read shall not ask either.
    this.liveness.pause(performance.now());
    this.sender.hold();
  }

  private read(chunk: Buffer): void {
    if (this.closingSince > 0) return;
    this.liveness.bytesCame(performance.now());
    const { frames } = this;
    try {
      this.reader.read(chunk);
      if (this.ungranted >= CONNECTION_WINDOW / 2) {
        this.sender.windowUpdate(0, this.ungranted);
        this.receiveWindow += this.ungranted;
        this.ungranted = 0;
      }
      this.liveness.framesCame(this.frames !== frames, this.reader.within || this.blocks.stream !== 0);
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
    if (!this.liveness.greeted && (type !== FrameType.settings || (flags & Flag.ack) !== 0))
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
        return this.rstStream(id, to - from);
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
    if (begin !== end) this.emptyWork.workCame();
    else if (!last) this.emptyWork.count();
    const stream = this.streams.get(id);
    if (stream === undefined || stream.remoteClosed) return this.late(id, 'DATA');
    stream.receiveWindow -= size;
    stream.ungranted += size;
    if (stream.receiveWindow < 0) return this.reset(stream, ErrorCode.flowControlError);
    this.receive(stream, bytes.subarray(begin, end), last);
    this.grant(stream);
  }

  private receive(stream: Http2Stream, bytes: Buffer, last: boolean): void {
    try {
      stream.receive(bytes, last);
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
    else this.headerBlock(id, last, bytes, begin, end);
  }

  private continuation(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    const { blocks } = this;
    if (id !== blocks.stream || id === 0) throw violation('CONTINUATION continues nothing');
    blocks.add(bytes.subarray(from, to));
    if ((flags & Flag.endHeaders) === 0) return;
    const block = blocks.finish();
    this.headerBlock(id, blocks.last, block, 0, block.length);
  }

  private headerBlock(id: number, last: boolean, bytes: Buffer, from: number, to: number): void {
    const known = this.streams.get(id);
    if (known !== undefined || id <= this.lastStream) return this.trailers(id, known, last, bytes.subarray(from, to));
    const head = this.blocks.head(bytes, from, to);
    this.lastStream = id;
    if (head instanceof StreamError || this.ofItself === id) {
      this.emptyWork.count();
      return this.resetId(id, ErrorCode.protocolError);
    }
    if (this.streams.size + this.abandoned >= this.context.limits.streamsMax || this.draining.refusing) {
      this.emptyWork.count();
      return this.resetId(id, ErrorCode.refusedStream);
    }
    const { context } = this;
    this.emptyWork.workCame();
    const stream = head === TOO_LARGE ? context.headersTooLarge(this, id, last) : context.open(this, id, head, last);
    if (stream.over) return;
    this.streams.set(id, stream);
    if (last) this.receive(stream, NOTHING, true);
  }

  private trailers(id: number, stream: Http2Stream | undefined, last: boolean, block: Buffer): void {
    const list = this.blocks.trailers(block);
    if (stream === undefined || stream.remoteClosed) return this.late(id, 'HEADERS');
    try {
      if (this.ofItself === id) throw new StreamError(ErrorCode.protocolError, 'a stream depends on itself');
      if (!last) throw new StreamError(ErrorCode.protocolError, 'headers came twice');
      checkTrailers(list);
    } catch (error) {
      return this.reset(stream, (error as StreamError).code);
    }
    this.receive(stream, NOTHING, true);
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

  private rstStream(id: number, size: number): void {
    if (size !== 4) throw new ConnectionError(ErrorCode.frameSizeError, 'RST_STREAM has four bytes');
    if (id === 0 || id > this.lastStream) throw violation(`RST_STREAM came for stream ${id}, which nobody opened`);
    const stream = this.streams.get(id);
    if (stream === undefined) return this.emptyWork.lateReset();
    this.emptyWork.takenBack(this.liveness.heardAt - stream.openedAt);
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
    this.liveness.greeted = true;
    this.sender.raw(SETTINGS_ACK);
    this.sender.apply(settingsIn(bytes, from, to), this.streams.values());
  }

  private ping(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (id !== 0) throw violation('PING belongs to no stream');
    if (to - from !== PING_BYTES) throw new ConnectionError(ErrorCode.frameSizeError, 'PING has eight bytes');
    this.emptyWork.pinged(this.sender.dataFrames);
    const payload = bytes.subarray(from, to);
    if ((flags & Flag.ack) === 0) return this.sender.raw(frame(FrameType.ping, Flag.ack, 0, payload));
    if (this.draining.isAnswer(payload)) this.refuseMore();
  }

  /** The client knows by now that the server is being stopped. */
  private refuseMore(): void {
    this.draining.refuse(this.lastStream);
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
  private answerSent(stream: Http2Stream): void {
    if (stream.over) return;
    // What the client still has to say is of no use any more.
    if (!stream.remoteClosed) this.resetId(stream.id, ErrorCode.noError);
    else this.emptyWork.streamEnded();
    this.forget(stream);
  }

  private resetId(id: number, code: number): void {
    this.sender.resetFrame(id, code);
    this.emptyWork.streamEnded();
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
    if (this.draining.refusing && this.streams.size === 0 && this.closingSince === 0) this.end('drained', '');
  }
}

const NOTHING = Buffer.alloc(0);
const SETTINGS_ACK = frame(FrameType.settings, Flag.ack, 0);
const ALIVE = Buffer.from('gyrelive');

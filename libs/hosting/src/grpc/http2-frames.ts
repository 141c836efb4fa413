/** HTTP/2 on the wire: RFC 9113. */

export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const Flag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

export const Setting = {
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

export const ErrorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11,
} as const;

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
export const FRAME_HEAD_BYTES = 9;
/** The largest payload that we take, which is also the least that every peer takes. */
export const FRAME_BYTES_MAX = 16_384;
export const WINDOW_MAX = 2 ** 31 - 1;
/** Of streams and connections whose peer has not said otherwise. */
export const WINDOW_DEFAULT = 65_535;
/** What a client may send of one stream, and on the connection, before it is granted more, bytes. */
export const STREAM_WINDOW = 1_048_576;
export const CONNECTION_WINDOW = 4_194_304;
/** Of a header in a list: RFC 9113, section 6.5.2. */
export const HEADER_OVERHEAD_BYTES = 32;
export const SETTING_BYTES = 6;

/** A violation after which the connection is of no use: RFC 9113, section 5.4.1. */
export class ConnectionError extends Error {
  constructor(
    readonly code: number,
    message: string,
    /** Under which it is counted. */
    readonly reason: 'protocol' | 'abuse' | 'defect' = 'protocol',
  ) {
    super(message);
  }
}

/** A violation that ends one stream: RFC 9113, section 5.4.2. */
export class StreamError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

export function putFrameHead(
  into: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  stream: number,
): void {
  into[at] = length >>> 16;
  into[at + 1] = length >>> 8;
  into[at + 2] = length;
  into[at + 3] = type;
  into[at + 4] = flags;
  putUint32(into, at + 5, stream);
}

export function putUint32(into: Buffer, at: number, value: number): void {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
}

export function uint32At(bytes: Buffer, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = NOTHING): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEAD_BYTES + payload.length);
  putFrameHead(bytes, 0, payload.length, type, flags, stream);
  bytes.set(payload, FRAME_HEAD_BYTES);
  return bytes;
}
const NOTHING = new Uint8Array(0);

/** @param settings identifiers with their values */
export function settingsFrame(settings: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(settings.length * SETTING_BYTES);
  settings.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, i * SETTING_BYTES);
    payload.writeUInt32BE(value, i * SETTING_BYTES + 2);
  });
  return frame(FrameType.settings, 0, 0, payload);
}

/**
 * The last value of each setting that a frame holds, `from` to `to` of `bytes`: the earlier ones would be work for nothing.
 * @throws ConnectionError for values that may not be: RFC 9113, section 6.5.2
 */
export function settingsIn(bytes: Buffer, from: number, to: number): ReadonlyMap<number, number> {
  const settings = new Map<number, number>();
  for (let at = from; at < to; at += SETTING_BYTES) {
    const id = bytes.readUInt16BE(at);
    const value = bytes.readUInt32BE(at + 2);
    if (id === Setting.enablePush && value > 1) throw violation('ENABLE_PUSH is 0 or 1');
    if (id === Setting.maxFrameSize && (value < FRAME_BYTES_MAX || value >= 2 ** 24))
      throw violation('MAX_FRAME_SIZE is from 2^14 to 2^24 - 1');
    if (id === Setting.initialWindowSize && value > WINDOW_MAX)
      throw new ConnectionError(ErrorCode.flowControlError, 'INITIAL_WINDOW_SIZE is below 2^31');
    settings.set(id, value);
  }
  return settings;
}

/** Where the payload lies within its padding: RFC 9113, section 6.1. */
export function unpadded(flags: number, bytes: Buffer, from: number, to: number): [number, number] {
  if ((flags & Flag.padded) === 0) return [from, to];
  const padding = bytes[from] as number;
  if (to === from || padding >= to - from) throw violation('the padding is longer than its frame');
  return [from + 1, to - padding];
}

/** Of ours: it costs the client its connection, and not the others theirs. */
export function defect(error: unknown): ConnectionError {
  return new ConnectionError(ErrorCode.internalError, String((error as Error).stack ?? error), 'defect');
}

export function violation(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.protocolError, what);
}

import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import {
  callWith,
  data,
  EchoServer,
  lastData,
  libraryMethod,
  message,
  opening,
  soon,
  whole,
  type RawConnection,
} from './a-grpc-server.js';
import { FrameType } from './http2-frames.js';

const FRAME_BYTES = 16_384;
const COMPRESSED = callWith({ 'grpc-encoding': 'gzip' });

let echo: EchoServer;
afterEach(() => echo.close());

/** Data in as many frames as it takes. */
const inFrames = (stream: number, bytes: Buffer): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / FRAME_BYTES) }, (_, i) =>
    data(stream, bytes.subarray(i * FRAME_BYTES, (i + 1) * FRAME_BYTES)),
  );
const ids = (count: number): number[] => Array.from({ length: count }, (_, i) => i * 2 + 1);
const refused = (raw: RawConnection): number[] =>
  raw.frames
    .filter(({ payload }) => payload.includes(`grpc-status${String.fromCharCode(1)}${status.RESOURCE_EXHAUSTED}`))
    .map(({ stream }) => stream);
/** Until everything sent before has been read. */
const read = async (raw: RawConnection): Promise<void> => {
  const before = raw.frames.length;
  raw.say(whole(99_999));
  await raw.until(() => raw.frames.slice(before).some(({ stream }) => stream === 99_999));
};

describe('what a gRPC server keeps of requests', () => {
  it('counts whole messages too, as long as their request has not ended', async () => {
    echo = await EchoServer.started({ limits: { bufferBytesMax: 6_000_000 } });
    echo.handler = ({ length }) => Promise.resolve(Buffer.from(String(length)));
    const raw = echo.raw();
    const long = message(Buffer.alloc(900_000));
    for (const id of ids(30)) raw.say(opening(id), ...inFrames(id, long));
    await read(raw);
    const kept = ids(30).filter((id) => !refused(raw).includes(id));
    expect(kept.length).toBeGreaterThan(3);
    expect(kept.length * 900_000).toBeLessThan(6_000_000);
    expect(echo.server.bufferedBytes).toBeGreaterThanOrEqual(kept.length * 900_000);
    expect(echo.server.bufferedBytes).toBeLessThanOrEqual(6_000_000);
    expect(await echo.raw(whole(1)).statusOf(1)).toBe(0);
    raw.say(...kept.map((id) => lastData(id, Buffer.alloc(0))));
    for (const id of kept) expect(await raw.statusOf(id)).toBe(0);
    expect(echo.server.bufferedBytes).toBe(0);
  });

  it('counts what compressed messages become', async () => {
    echo = await EchoServer.started({ limits: { bufferBytesMax: 6_000_000 } });
    echo.handler = ({ length }) => Promise.resolve(Buffer.from(String(length)));
    const raw = echo.raw();
    const short = message(gzipSync(Buffer.alloc(2_000_000)), 1);
    for (const id of ids(20)) raw.say(opening(id, COMPRESSED), data(id, short));
    await raw.until(() => refused(raw).length >= 17);
    while (echo.server.bufferedBytes < 2_000_000) await soon();
    const kept = ids(20).filter((id) => !refused(raw).includes(id));
    expect(kept.length).toBeLessThan(4);
    raw.say(...kept.map((id) => lastData(id, Buffer.alloc(0))));
    for (const id of kept) expect([0, status.RESOURCE_EXHAUSTED]).toContain(await raw.statusOf(id));
    while (echo.server.callCount > 0) await soon();
    expect(echo.server.bufferedBytes).toBe(0);
  });

  it('lets a stream of compressed messages send no more while some wait, and gives them in their order', async () => {
    echo = await EchoServer.started();
    const got: Buffer[] = [];
    echo.server.handle('/test.Echo/Collect', {
      kind: 'streamed',
      requestStream: true,
      responseStream: false,
      open: (call) => ({
        onMessage: (bytes) => void got.push(bytes),
        onEnd: () => call.finish(),
        onDrain: () => undefined,
        onClosed: () => undefined,
      }),
    });
    const sent = Array.from({ length: 250 }, (_, i) => Buffer.concat([Buffer.from([i]), randomBytes(3_000)]));
    const bytes = Buffer.concat(sent.map((plain, i) => message(i % 5 === 0 ? plain : gzipSync(plain), i % 5 && 1)));
    const block = callWith({ ':path': '/test.Echo/Collect', 'grpc-encoding': 'gzip' });
    const raw = echo.raw(opening(1, block), ...inFrames(1, bytes));
    await raw.came(FrameType.windowUpdate, 1);
    expect(got.length).toBe(250);
    expect(got.every((plain, i) => plain.equals(sent[i] as Buffer))).toBe(true);
    raw.say(lastData(1, Buffer.alloc(0)));
    expect(await raw.statusOf(1)).toBe(0);
    expect(echo.server.bufferedBytes).toBe(0);
  });

  it('is a few names at most where anybody may call', async () => {
    echo = await EchoServer.started();
    const handlers = {
      Check: (call: { request: Buffer }, end: (error: null, answer: Buffer) => void) => end(null, call.request),
    };
    echo.server.open.addService({ Check: libraryMethod('Check') }, handlers);
    const block = callWith({ ':path': '/test.Library/Check' });
    const raw = echo.raw(opening(1, block), lastData(1, message(Buffer.alloc(4_097))));
    expect(await raw.statusOf(1)).toBe(status.RESOURCE_EXHAUSTED);
    raw.say(opening(3, block), lastData(3, message(Buffer.alloc(4_096))));
    expect(await raw.statusOf(3)).toBe(0);
  });
});

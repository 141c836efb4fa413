import { EchoServer, lastData, message, opening, soon, whole, window } from './a-grpc-server.js';
import { FrameType, settingsFrame } from './http2-frames.js';

const { rstStream } = FrameType;

let echo: EchoServer;
afterEach(() => echo.close());

describe('a gRPC server, to clients that are slow', () => {
  it('cuts off who begins and does not go on, and who does not read', async () => {
    echo = await EchoServer.started({ limits: { handshakeMsMax: 300, stallMsMax: 300 } });
    echo.handler = () => Promise.resolve(Buffer.alloc(2_000_000));
    const mute = echo.mute();
    const half = echo.raw(whole(1).subarray(0, 20));
    const unread = echo.raw(settingsFrame([[4, 2 ** 30]]), window(0, 2 ** 30));
    unread.socket.pause();
    for (let id = 1; id < 40; id += 2) unread.say(whole(id));
    await Promise.all([mute, half].map((raw) => raw.until(() => raw.closed)));
    await unread.until(() => echo.server.connectionCount === 0);
    expect(echo.server.bufferedBytes).toBe(0);
    expect(echo.endings.sort()).toEqual(['handshake', 'stalled', 'stalled']);
  });

  it('does not blame one that reads slowly for what it could not read from it meanwhile', async () => {
    const limits = { messageBytesMax: 60_000_000, bufferBytesMax: 200_000_000, stallMsMax: 300 };
    echo = await EchoServer.started({ limits });
    echo.handler = (bytes) => Promise.resolve(String(bytes) === 'long' ? Buffer.alloc(40_000_000) : bytes);
    const next = whole(5);
    const slow = echo.raw(settingsFrame([[4, 2 ** 30]]), window(0, 2 ** 30));
    slow.say(whole(1, 'long'), opening(3), next.subarray(0, 20));
    const { socket } = slow;
    let unpaused = 0;
    let isSlow = true;
    socket.on('data', ({ length }: Buffer) => {
      if (isSlow && (unpaused += length) % 200_000 < length) socket.pause();
    });
    const reading = setInterval(() => socket.resume(), 25).unref();
    // So long the server reads nothing from it, for all that it has not read yet.
    await soon(2_500);
    slow.say(next.subarray(20), lastData(3, message('this')));
    isSlow = false;
    expect(await slow.statusOf(3)).toBe(0);
    expect(await slow.statusOf(5)).toBe(0);
    clearInterval(reading);
    expect(echo.endings).toEqual([]);
  });

  it('keeps one that only reads, as long as it reads on, and cuts off one that reads a byte now and then', async () => {
    echo = await EchoServer.started({ limits: { stallMsMax: 300 } });
    echo.handler = () => Promise.resolve(Buffer.alloc(100_000));
    const slow = echo.raw(window(0, 1_000_000));
    for (const id of [1, 3]) slow.say(opening(id), lastData(id, message('this')));
    const reading = setInterval(() => slow.say(window(1, 1), window(3, 500)), 50);
    await slow.came(rstStream, 1);
    clearInterval(reading);
    expect(slow.has(rstStream, 3)).toBe(false);
    slow.say(window(3, 100_000));
    expect(await slow.statusOf(3)).toBe(0);
  });
});

/**
 * A crowd beside the load, in a process of its own: connections that do nothing, clients that send a request a byte at a time, and messages over the
 * limit, again and again. Takes { target, idle, slow, path, authorization } as its argument; prints a line when all are there, and ends when killed.
 */
import { connect } from 'node:net';

const { target, idle, slow, path, authorization } = JSON.parse(process.argv[2]);
const [host, port] = target.split(':');
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const frame = (type, flags, stream, payload = Buffer.alloc(0)) => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};
const literal = (text) =>
  text.length > 126
    ? Buffer.concat([Buffer.from([127, text.length - 127]), Buffer.from(text)])
    : Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
const headers = Object.entries({
  ':method': 'POST',
  ':scheme': 'http',
  ':path': path,
  ':authority': target,
  te: 'trailers',
  'content-type': 'application/grpc',
  authorization,
});
const block = Buffer.concat(headers.flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]));
const opening = Buffer.concat([PREFACE, frame(4, 0, 0)]);

function open() {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), noDelay: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
    socket.on('data', (bytes) => {
      // Settings and pings are acknowledged, or the server would take the client for dead.
      for (let i = 0; i + 9 <= bytes.length; i += 9 + bytes.readUIntBE(i, 3)) {
        const acknowledged = (bytes[i + 4] & 1) !== 0;
        if (bytes[i + 3] === 4 && !acknowledged) socket.write(frame(4, 1, 0));
        if (bytes[i + 3] === 6 && !acknowledged) socket.write(frame(6, 1, 0, bytes.subarray(i + 9, i + 17)));
      }
    });
  });
}

/** A request whose bytes come one a second; begun again when the server has had enough. */
async function slowly() {
  const socket = await open();
  const body = Buffer.concat([Buffer.from([0, 0, 1, 0, 0]), Buffer.alloc(65_536)]);
  socket.write(Buffer.concat([opening, frame(1, 4, 1, block)]));
  let sent = 0;
  const timer = setInterval(() => socket.write(frame(0, 0, 1, body.subarray(sent, ++sent))), 1_000);
  socket.on('error', () => undefined);
  socket.once('close', () => {
    clearInterval(timer);
    void slowly();
  });
}

/** A call whose message is announced as four gigabytes, ten times a second. */
async function tooLarge() {
  const socket = await open();
  socket.write(opening);
  let stream = 1;
  const timer = setInterval(() => {
    socket.write(
      Buffer.concat([frame(1, 4, stream, block), frame(0, 0, stream, Buffer.from([0, 255, 255, 255, 255]))]),
    );
    stream += 2;
  }, 100);
  socket.on('error', () => undefined);
  socket.once('close', () => {
    clearInterval(timer);
    void tooLarge();
  });
}

for (let opened = 0; opened < idle; opened += 200)
  await Promise.all(
    Array.from({ length: Math.min(200, idle - opened) }, async () => {
      const socket = await open();
      socket.on('error', () => undefined).write(opening);
    }),
  );
for (let i = 0; i < slow; i++) await slowly();
await tooLarge();
console.log('there');

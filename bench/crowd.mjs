/**
 * A crowd beside the load, in a process of its own: connections that do nothing, clients that send a request a byte at a time, and messages over the
 * limit, again and again. Takes { target, idle, slow, path, authorization } as its argument; prints a line when all are there, and ends when killed.
 */
import { connect } from 'node:net';
import { callHeaders, Flag, frame, PREFACE, Type } from './h2-frames.mjs';

const { target, idle, slow, path, authorization } = JSON.parse(process.argv[2]);
const [host, port] = target.split(':');
const block = callHeaders({ target, path, authorization });
const opening = Buffer.concat([PREFACE, frame(Type.settings, 0, 0)]);

function open() {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), noDelay: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
    socket.on('data', (bytes) => {
      // Settings and pings are acknowledged, or the server would take the client for dead.
      for (let i = 0; i + 9 <= bytes.length; i += 9 + bytes.readUIntBE(i, 3)) {
        const acknowledged = (bytes[i + 4] & Flag.ack) !== 0;
        if (bytes[i + 3] === Type.settings && !acknowledged) socket.write(frame(Type.settings, Flag.ack, 0));
        if (bytes[i + 3] === Type.ping && !acknowledged)
          socket.write(frame(Type.ping, Flag.ack, 0, bytes.subarray(i + 9, i + 17)));
      }
    });
  });
}

/** A request whose bytes come one a second; begun again when the server has had enough. */
async function slowly() {
  const socket = await open();
  const body = Buffer.concat([Buffer.from([0, 0, 1, 0, 0]), Buffer.alloc(65_536)]);
  socket.write(Buffer.concat([opening, frame(Type.headers, Flag.endHeaders, 1, block)]));
  let sent = 0;
  const timer = setInterval(() => socket.write(frame(Type.data, 0, 1, body.subarray(sent, ++sent))), 1_000);
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
      Buffer.concat([
        frame(Type.headers, Flag.endHeaders, stream, block),
        frame(Type.data, 0, stream, Buffer.from([0, 255, 255, 255, 255])),
      ]),
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

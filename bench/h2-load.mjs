/**
 * Load for a unary gRPC method, from a process of its own: HTTP/2 frames written by hand over plain sockets, the request encoded once. It reads of an answer
 * no more than the frames' heads, so that it costs a fraction of what the servers do; its own share of a processor is in its report.
 *
 * Takes one JSON line on standard input for each phase, and answers it with one on standard output:
 *   { target: "127.0.0.1:8081", path, authorization?, message: base64, connections, inFlight | rate, seconds }
 *   -> { answered, failed, seconds, p50, p99, max, cpu }   (latencies in ms; with a rate, from the moment at which the request was due)
 */
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { callHeaders, Flag, frame, PREFACE, Type } from './h2-frames.mjs';

const WINDOW = 2 ** 30;

function uint32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** One connection; `onAnswer(startedAt, ok)` for each stream that ends. */
class Connection {
  static async open({ target, path, authorization, message }, onAnswer) {
    const [host, port] = target.split(':');
    const socket = connect({ host, port: Number(port), noDelay: true });
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new Connection(socket, { target, path, authorization, message }, onAnswer);
  }

  constructor(socket, { target, path, authorization, message }, onAnswer) {
    this.socket = socket;
    this.onAnswer = onAnswer;
    this.started = new Map();
    this.withData = new Set();
    this.next = 1;
    this.rest = Buffer.alloc(0);
    this.received = 0;
    this.writes = [];
    const body = Buffer.from(message, 'base64');
    const block = callHeaders({ target, path, authorization });
    const payload = Buffer.concat([Buffer.from([0]), uint32(body.length), body]);
    this.request = Buffer.concat([
      frame(Type.headers, Flag.endHeaders, 1, block),
      frame(Type.data, Flag.endStream, 1, payload),
    ]);
    this.dataAt = 9 + block.length;
    const settings = Buffer.concat([Buffer.from([0, 4]), uint32(WINDOW)]);
    socket.write(
      Buffer.concat([PREFACE, frame(Type.settings, 0, 0, settings), frame(Type.windowUpdate, 0, 0, uint32(WINDOW))]),
    );
    socket.on('data', (bytes) => this.read(bytes));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const at of this.started.values()) this.onAnswer(at, false);
      this.started.clear();
    });
  }

  /** Requests of one turn leave in one write. */
  send(at) {
    const stream = this.next;
    this.next += 2;
    this.started.set(stream, at);
    const bytes = Buffer.allocUnsafe(this.request.length);
    this.request.copy(bytes);
    bytes.writeUInt32BE(stream, 5);
    bytes.writeUInt32BE(stream, this.dataAt + 5);
    if (this.writes.push(bytes) === 1) setImmediate(() => this.flush());
  }

  flush() {
    const { writes } = this;
    this.writes = [];
    this.socket.write(writes.length === 1 ? writes[0] : Buffer.concat(writes));
  }

  read(chunk) {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let at = 0;
    while (at + 9 <= bytes.length) {
      const length = bytes.readUIntBE(at, 3);
      if (at + 9 + length > bytes.length) break;
      this.frame(bytes[at + 3], bytes[at + 4], bytes.readUInt32BE(at + 5), bytes, at + 9, length);
      at += 9 + length;
    }
    this.rest = bytes.subarray(at);
    if (this.received > WINDOW / 2) {
      this.socket.write(frame(Type.windowUpdate, 0, 0, uint32(this.received)));
      this.received = 0;
    }
  }

  frame(type, flags, stream, bytes, at, length) {
    if (type === Type.data) {
      this.received += length;
      if (length > 5) this.withData.add(stream);
    }
    if (type === Type.settings && (flags & Flag.ack) === 0) this.socket.write(frame(Type.settings, Flag.ack, 0));
    if (type === Type.ping && (flags & Flag.ack) === 0)
      this.socket.write(frame(Type.ping, Flag.ack, 0, Buffer.from(bytes.subarray(at, at + length))));
    if (type === Type.goaway) this.socket.end();
    const ends =
      type === Type.rstStream || ((type === Type.headers || type === Type.data) && (flags & Flag.endStream) !== 0);
    if (!ends || !this.started.has(stream)) return;
    const started = this.started.get(stream);
    this.started.delete(stream);
    // An answer has a message; a refusal has headers alone.
    this.onAnswer(started, this.withData.delete(stream));
  }
}

async function phase(order) {
  const { connections = 4, inFlight, rate, seconds } = order;
  const latencies = [];
  let failed = 0;
  let end = Infinity;
  let left = 0;
  let done;
  const over = new Promise((resolve) => (done = resolve));
  const all = await Promise.all(
    Array.from({ length: connections }, async () => {
      const one = await Connection.open(order, (startedAt, ok) => {
        const now = performance.now();
        if (ok) latencies.push(now - startedAt);
        else failed += 1;
        left -= 1;
        if (rate === undefined && now < end) ask(one, now);
        else if (left === 0 && now >= end) done();
      });
      return one;
    }),
  );
  const ask = (connection, at) => {
    left += 1;
    connection.send(at);
  };
  const cpu = process.cpuUsage();
  const begun = performance.now();
  end = begun + seconds * 1_000;
  if (rate === undefined) for (let i = 0; i < inFlight; i++) ask(all[i % all.length], performance.now());
  else paced(all, rate, begun, end, ask, () => left === 0 && done());
  await over;
  const took = (performance.now() - begun) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  for (const { socket } of all) socket.destroy();
  latencies.sort((a, b) => a - b);
  const quantile = (q) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))] ?? null;
  return {
    answered: latencies.length,
    failed,
    seconds: took,
    p50: quantile(0.5),
    p99: quantile(0.99),
    max: quantile(1),
    cpu: (user + system) / 1e6 / took,
  };
}

/** Requests at a steady rate, whether answers come or not: each is due at its time, and its latency counts from then. */
function paced(all, rate, begun, end, ask, idle) {
  let sent = 0;
  const step = () => {
    const now = performance.now();
    for (let due = begun + (sent * 1_000) / rate; due <= now && due < end; due = begun + (sent * 1_000) / rate)
      ask(all[sent++ % all.length], due);
    // Each millisecond what is due by then: a loop that never sleeps would take a processor from the server.
    if (now < end) setTimeout(step, 1);
    else idle();
  };
  step();
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await phase(JSON.parse(line))));
}

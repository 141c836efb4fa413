import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runCli } from '../cli.js';

const entry = (offset: number) => ({
  offset,
  occurredAt: 0,
  type: 'Promoted',
  actor: 'registry',
  reason: `no. ${offset}`,
  model: 'm',
});

it('gyre timeline --follow comes back after every break that passes, misses nothing, and ends where it is refused', async () => {
  let streams = 0;
  const server = createServer((request, response) => {
    const decided = streams === 1 ? [entry(1)] : [entry(3), entry(2), entry(1)];
    if (request.url?.startsWith('/v1/models/m/timeline')) return void response.end(JSON.stringify(decided));
    streams++;
    const refusals: Record<number, [number, string]> = {
      2: [503, 'NOT_READY'],
      3: [429, 'RATE_LIMITED'],
      5: [401, 'UNAUTHENTICATED'],
    };
    const refused = refusals[streams];
    if (refused !== undefined)
      return void response.writeHead(refused[0]).end(JSON.stringify({ error: { code: refused[1], message: 'no' } }));
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const told = streams === 1 ? entry(2) : entry(4);
    response.write(`event: lifecycle\ndata: ${JSON.stringify(told)}\n\n`, () =>
      setTimeout(() => response.destroy(), 1_000),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  let [out, err] = ['', ''];
  const code = await runCli(['timeline', 'm', '--follow'], {
    write: (text) => void (out += text),
    note: (text) => void (err += text),
    readStdin: async () => Buffer.of(),
    stdinLines: async function* () {},
    env: { GYRE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
    watched: false,
  });
  server.close();
  expect(out.match(/no\. \d/g)).toEqual(['no. 1', 'no. 2', 'no. 3', 'no. 4']);
  expect(err.match(/trying again/g)).toHaveLength(4);
  expect([streams, code]).toEqual([5, 1]);
}, 180_000);

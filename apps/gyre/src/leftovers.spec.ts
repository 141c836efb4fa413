import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A Gyre that begins to answer, and never ends. */
describe('a command that is stopped in the middle', () => {
  let server: Server;
  let asked: (() => void) | undefined;
  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/v1/specs') {
        const models = [{ name: 'm', inputs: [{ view: 'v', field: 'x' }] }];
        return void response.end(JSON.stringify({ views: [], models }));
      }
      if (request.url === '/v2/models/m')
        return void response.end(
          JSON.stringify({ name: 'm', versions: ['1'], inputs: [], outputs: [], parameters: {} }),
        );
      if (request.url === '/v1/backup') response.write('the beginning');
      asked?.();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it.each([
    ['SIGINT', 130, ['predict', 'm', '--file', 'in.csv', '--out', 'out.parquet']],
    ['SIGTERM', 143, ['predict', 'm', '--file', 'in.csv', '--out', 'out.csv']],
    ['SIGINT', 130, ['backup', 'all.tar']],
    ['SIGTERM', 143, ['backup', 'all.tar']],
  ] as const)(
    'by %s ends with %d and leaves nothing behind: %j',
    async (signal, code, argv) => {
      const folder = mkdtempSync(join(tmpdir(), 'gyre-leftovers-'));
      writeFileSync(join(folder, 'in.csv'), 'x\n1\n2\n');
      const begun = new Promise<void>((resolve) => (asked = resolve));
      const env = { ...process.env, GYRE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
      const main = fileURLToPath(new URL('main.js', import.meta.url));
      const child = spawn(process.execPath, [main, ...argv], { cwd: folder, env, stdio: 'ignore' });
      const ended = once(child, 'exit');
      await begun;
      // Until what is made meanwhile is there.
      while (readdirSync(folder).length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
      child.kill(signal);
      expect((await ended)[0]).toBe(code);
      expect(readdirSync(folder)).toEqual(['in.csv']);
      rmSync(folder, { recursive: true });
    },
    60_000,
  );
});

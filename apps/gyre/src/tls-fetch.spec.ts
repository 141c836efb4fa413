import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { ApiClient } from './api-client.js';
import { Unreachable } from './failures.js';

describe('a command over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gyre-cli-tls-'));
  let server: Server;
  let url: string;
  let cert: Buffer;
  let key: Buffer;

  beforeAll(async () => {
    const args =
      'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout key -out crt -subj /CN=ana';
    execFileSync('openssl', [...args.split(' '), '-addext', 'subjectAltName=IP:127.0.0.1'], {
      cwd: folder,
      stdio: 'pipe',
    });
    [cert, key] = [readFileSync(join(folder, 'crt')), readFileSync(join(folder, 'key'))];
    server = createServer(
      { cert, key, ca: cert, requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        const { authorized } = request.socket as TLSSocket;
        if (request.url === '/v1/stream') {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.write('event: lifecycle\ndata: {}\n\n', () => setTimeout(() => response.destroy(), 50));
          return;
        }
        let body = '';
        request.on('data', (bytes: Buffer) => (body += bytes.toString()));
        request.on('end', () => {
          if (authorized)
            return response.end(JSON.stringify({ groups: [], accepted: body, token: request.headers.authorization }));
          response.writeHead(401).end(JSON.stringify({ error: { code: 'UNAUTHENTICATED', message: 'who?' } }));
        });
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });

  it('knows the server by the authority it is told of, and shows its own certificate', async () => {
    const api = new ApiClient({ url, token: 't', tls: { ca: cert, cert, key } });
    expect(await api.lag()).toMatchObject({ groups: [], token: 'Bearer t' });
    expect((await api.sendEvents([])).accepted).toBe('');
    await expect(new ApiClient({ url, tls: { ca: cert } }).lag()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('learns of a stream that is cut as of a server that is away, so that it can come back', async () => {
    const api = new ApiClient({ url, tls: { ca: cert } });
    const bytes = await api.stream();
    const read = async () => {
      for await (const chunk of bytes) expect(Buffer.from(chunk).toString()).toMatch(/^event/);
    };
    await expect(read()).rejects.toThrow(Unreachable);
  });

  it('trusts nobody else', async () => {
    await expect(new ApiClient({ url }).lag()).rejects.toThrow(/no Gyre answers/);
    await expect(new ApiClient({ url, tls: { cert, key } }).lag()).rejects.toThrow(/DEPTH_ZERO_SELF_SIGNED_CERT/);
  });
});

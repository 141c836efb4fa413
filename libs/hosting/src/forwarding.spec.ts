import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { request } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { Controller, Get, Module, Post, Req, Res } from '@nestjs/common';
import { EmbeddedPlatform } from '@gyre/platform';
import { cameOverTls } from './callers.js';
import { Config } from './config.js';
import { host, type Host } from './host.js';
import { HOSTING_SECTIONS } from './hosting.config.js';
import type { HttpReply, HttpRequest } from './http.js';
import { createLogger } from './logger.js';
import { Needs, Open } from './needs.js';

/** Tells whom it takes the caller for, and what of the call came to it. */
@Controller()
class Telling {
  @Open()
  @Get('open')
  open(@Req() request: HttpRequest): object {
    const { 'sec-fetch-site': site } = request.headers;
    return { name: request.identity?.name ?? 'nobody', tls: cameOverTls(request), site };
  }

  @Needs('admin')
  @Get('secret')
  secret(@Req() request: HttpRequest): object {
    return { name: request.identity?.name };
  }

  @Open()
  @Post('cookies')
  cookies(@Req() request: HttpRequest, @Res() reply: HttpReply): void {
    reply.header('set-cookie', ['a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT', 'b=2']);
    reply.send({ tls: cameOverTls(request) });
  }
}
@Module({ controllers: [Telling] })
class There {}

const THERE = { name: 'there', module: There };
const start = (overrides: object, here = [THERE], elsewhere: (typeof THERE)[] = []): Promise<Host> => {
  const config = Config.load({ known: [...HOSTING_SECTIONS], overrides: { grpc: { port: 0 }, ...overrides } });
  return host(here, EmbeddedPlatform.inMemory(), config, createLogger('silent'), elsewhere);
};

describe('a call that is passed on', () => {
  let there: Host;
  let front: Host;
  beforeAll(async () => {
    there = await start({ http: { port: 0 } });
    front = await start({ http: { port: 0 }, peers: { http: { there: there.httpUrl } } }, [], [THERE]);
  });
  afterAll(async () => {
    await front.stop();
    await there.stop();
  });

  it.each(['http://HOST/open', '//HOST/open', 'http:\\\\HOST/open'])(
    'goes to the process that runs the service, whatever host its target names: %s',
    async (target) => {
      const seen: IncomingHttpHeaders[] = [];
      const stranger = createServer(({ headers }, response) => {
        seen.push(headers);
        response.end('"stranger"');
      });
      await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
      const named = target.replace('HOST', `127.0.0.1:${(stranger.address() as AddressInfo).port}`);
      const socket = connect(Number(new URL(front.httpUrl).port), '127.0.0.1');
      socket.write(`GET ${named} HTTP/1.1\r\nhost: localhost\r\ncookie: secret\r\nconnection: close\r\n\r\n`);
      const answer = await text(socket);
      await new Promise((resolve) => stranger.close(resolve));
      expect([seen, answer.slice(0, 11)]).toEqual([[], expect.stringMatching(/^HTTP\/1.1 4/)]);
      if (target.startsWith('http:/')) expect(answer).toMatch(/BAD_REQUEST.*begins with one slash/);
    },
  );

  it('keeps two cookies apart, the scheme of a page over TLS, and where a link was followed from', async () => {
    const ask = async (path: string, init: RequestInit = {}): Promise<Response> =>
      fetch(`${front.httpUrl}${path}`, init);
    const origin = front.httpUrl.replace('http:', 'https:');
    const posted = await ask('/cookies', { method: 'POST', headers: { origin, 'sec-fetch-site': 'same-origin' } });
    expect(posted.headers.getSetCookie()).toEqual(['a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT', 'b=2']);
    expect(await posted.json()).toEqual({ tls: true });
    expect(await (await ask('/cookies', { method: 'POST' })).json()).toEqual({ tls: false });
    const followed = await ask('/open', { headers: { 'sec-fetch-site': 'cross-site' } });
    expect(await followed.json()).toMatchObject({ site: 'cross-site', tls: false });
    expect((await ask('/cookies', { method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403);
  });
});

describe('a peer that takes calls and says nothing', () => {
  const SILENCE_MS = 150;
  let lives = false;
  let ended = 0;
  let calls = 0;
  let there: Server;
  let front: Host;
  beforeAll(async () => {
    there = createServer(({ url }, response) => {
      if (url === '/healthz') return lives ? void response.end('{}') : undefined;
      calls += 1;
      response.once('close', () => (ended += 1));
      if (url === '/cookies') setTimeout(() => response.end('{"slow":true}'), 6 * SILENCE_MS);
      return undefined;
    });
    await new Promise<void>((resolve) => there.listen(0, '127.0.0.1', resolve));
    const http = { there: `http://127.0.0.1:${(there.address() as AddressInfo).port}` };
    front = await start({ http: { port: 0 }, peers: { http, silenceMsMax: SILENCE_MS } }, [], [THERE]);
  });
  beforeEach(() => {
    lives = false;
    ended = calls = 0;
  });
  afterAll(async () => {
    await front.stop();
    there.closeAllConnections();
    there.close();
  });

  it.each([
    ['GET', '/open'],
    ['POST', '/v1/settle'],
  ])('is given up when it does not say either that it lives: %s %s', async (method, path) => {
    const answer = await fetch(`${front.httpUrl}${path}`, { method, signal: AbortSignal.timeout(5_000) });
    expect(answer.status).toBe(503);
    expect(((await answer.json()) as { error: unknown }).error).toMatchObject({
      code: 'NOT_READY',
      message: expect.stringMatching(/^there at http:.* does not answer: it has been silent for 300 ms/),
    });
    await until(() => ended === 1);
  });

  it('is waited for as long as it lives, for some work takes its time', async () => {
    lives = true;
    const answer = await fetch(`${front.httpUrl}/cookies`, { method: 'POST' });
    expect([answer.status, await answer.json()]).toEqual([200, { slow: true }]);
  });

  it('is asked no longer when the client has gone', async () => {
    lives = true;
    const gone = new AbortController();
    const asked = fetch(`${front.httpUrl}/open`, { signal: gone.signal });
    await until(() => calls === 1);
    expect(ended).toBe(0);
    gone.abort();
    await expect(asked).rejects.toThrow();
    await until(() => ended === 1);
  });
});

/** For 5 s at most: then the test's own time is up. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await pause(10);
}

describe('a call that is passed on over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gyre-forwarding-'));
  const file = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  let there: Host;
  let front: Host;

  beforeAll(async () => {
    openssl('req', '-x509', ...newKey, '-subj', '/CN=ours', '-keyout', 'ca.key', '-out', 'ca.crt');
    writeFileSync(file('ext'), 'subjectAltName=IP:127.0.0.1\n');
    for (const name of ['process', 'shop']) {
      openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
      const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'ext'];
      openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.crt`);
    }
    const own = { certFile: file('process.crt'), keyFile: file('process.key'), caFile: file('ca.crt') };
    const common = {
      http: { port: 0, tls: { ...own, clientCertificates: 'required' } },
      auth: {
        tokens: [{ name: 'ops', sha256: createHash('sha256').update('key').digest('hex') }],
        certificates: [
          { name: 'the process', subject: 'process', roles: ['admin'] },
          { name: 'the shop', subject: 'shop', roles: ['viewer'] },
        ],
      },
    };
    there = await start(common);
    front = await start({ ...common, peers: { http: { there: there.httpUrl }, tls: own } }, [], [THERE]);
  });
  afterAll(async () => {
    await front.stop();
    await there.stop();
    rmSync(folder, { recursive: true });
  });

  const asShop = (): { ca: Buffer; cert: Buffer; key: Buffer } => ({
    ca: readFileSync(file('ca.crt')),
    cert: readFileSync(file('shop.crt')),
    key: readFileSync(file('shop.key')),
  });
  const get = (to: Host, path: string, headers: Record<string, string> = {}): Promise<[number | undefined, string]> =>
    new Promise((resolve, reject) =>
      request(`${to.httpUrl}${path}`, { ...asShop(), agent: false, headers }, (answer) =>
        text(answer).then((body) => resolve([answer.statusCode, body]), reject),
      )
        .on('error', reject)
        .end(),
    );

  it('is never taken for one of the process that passes it on', async () => {
    const [status, body] = await get(front, '/secret');
    expect(status).toBe(401);
    expect(body).toMatch(/answered by there in another process.*certificate cannot be passed on; send a token too/);
    expect((await get(there, '/secret'))[0]).toBe(403);
    expect(JSON.parse((await get(front, '/open'))[1])).toMatchObject({ name: 'nobody', tls: true });
    expect(JSON.parse((await get(there, '/open'))[1])).toMatchObject({ name: 'the shop' });
  });

  it('is the caller’s whose token comes with it', async () => {
    for (const headers of [{ authorization: 'Bearer key' }, { 'x-api-key': 'key' }])
      expect(await get(front, '/secret', headers)).toEqual([200, '{"name":"ops"}']);
  });

  it('shows nobody else the certificate of the process', async () => {
    const socket = connectTls({ port: Number(new URL(front.httpUrl).port), host: '127.0.0.1', ...asShop() });
    socket.write(`GET https://127.0.0.1:1/open HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
    expect(await text(socket)).toMatch(/^HTTP\/1.1 400 [^]*begins with one slash/);
  });
});

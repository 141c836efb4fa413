import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { get, request, type IncomingMessage, type RequestOptions } from 'node:http';
import { connect } from 'node:net';
import { json, text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, credentials, status, type ServiceError } from '@grpc/grpc-js';
import { Controller, Get, Header, Inject, Module, type Type } from '@nestjs/common';
import { GyreError } from '@gyre/contracts';
import { EmbeddedPlatform } from '@gyre/platform';
import { Config } from './config.js';
import { host, type Host } from './host.js';
import { HOSTING_SECTIONS } from './hosting.config.js';
import { createLogger } from './logger.js';
import { Needs } from './needs.js';
import { Readiness } from './readiness.js';

const PROTO = fileURLToPath(new URL('../../../proto/inference/grpc_predict_v2.proto', import.meta.url));

/** grpc.health.v1.HealthCheckResponse as it is on the wire. */
const SERVING = Buffer.from([8, 1]);
const NOT_SERVING = Buffer.from([8, 2]);

let why: string | null;
let readiness: Readiness;

@Module({})
class Picky {
  constructor(@Inject(Readiness) given: Readiness) {
    readiness = given;
    given.require('picky', () => why);
  }
}

describe('a host', () => {
  let running: Host;
  let client: Client;

  const start = async (
    auth: object = {},
    http: object = {},
    module: Type<unknown> = Picky,
    logger = createLogger('silent'),
  ): Promise<void> => {
    const overrides = { http: { port: 0, ...http }, grpc: { port: 0 }, auth: { ...auth } };
    const service = { name: 'picky', module, grpc: { package: 'inference', proto: PROTO } };
    const config = Config.load({ known: [...HOSTING_SECTIONS], overrides });
    running = await host([service], EmbeddedPlatform.inMemory(), config, logger);
    client = new Client(running.grpcAddress, credentials.createInsecure());
  };
  const bytes = (value: Buffer): Buffer => value;
  const health = (): Promise<Buffer | undefined> =>
    new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, answer?: Buffer): void =>
        error === null ? resolve(answer) : reject(error);
      client.makeUnaryRequest('/grpc.health.v1.Health/Check', bytes, bytes, Buffer.alloc(0), done);
    });
  /** The status of a call to reflection. */
  const reflection = (): Promise<number> =>
    new Promise((resolve) => {
      const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
      const stream = client.makeBidiStreamRequest(path, bytes, bytes);
      stream.on('data', () => undefined);
      stream.on('error', () => undefined);
      stream.on('status', ({ code }: { code: number }) => resolve(code));
      stream.end();
    });
  const until = async (wanted: Buffer): Promise<void> => {
    while (!(await health())?.equals(wanted)) await new Promise((resolve) => setTimeout(resolve, 20));
  };

  beforeEach(() => {
    why = null;
  });
  afterEach(async () => {
    client.close();
    await running.stop();
  });

  it('is ready when every check says so, over gRPC as over HTTP, and no more when it stops', async () => {
    why = 'still warming';
    await start();
    const readyz = async (): Promise<unknown> => (await fetch(`${running.httpUrl}/readyz`)).json();
    expect(await health()).toEqual(NOT_SERVING);
    expect(await readyz()).toEqual({ status: 'not ready', missing: { picky: 'still warming' }, degraded: {} });
    why = null;
    await until(SERVING);
    expect(await readyz()).toEqual({ status: 'ready', missing: {}, degraded: {} });
    why = 'lost something';
    await until(NOT_SERVING);
    why = null;
    const stopped = running.stop();
    expect(readiness.missing()).toEqual({ host: 'stopping' });
    await stopped;
    running.stop = () => Promise.resolve();
  });

  it('answers a failure as JSON, whatever the route answers else', async () => {
    @Controller('bytes')
    class Bytes {
      @Get()
      @Header('content-type', 'application/octet-stream')
      bytes(): never {
        throw new GyreError('ARTIFACT_NOT_FOUND', 'there is none');
      }
    }
    @Module({ controllers: [Bytes] })
    class Serving {}
    await start();
    const config = Config.load({ known: [...HOSTING_SECTIONS], overrides: { http: { port: 0 } } });
    const module = { name: 'serving', module: Serving };
    const serving = await host([module], EmbeddedPlatform.inMemory(), config, createLogger('silent'));
    const answer = await fetch(`${serving.httpUrl}/bytes`);
    expect([answer.status, await answer.json()]).toEqual([
      404,
      { error: { code: 'ARTIFACT_NOT_FOUND', message: 'there is none', details: {} } },
    ]);
    await serving.stop();
  });

  it('says that there is no such call, or that the body is too long, under codes of their own', async () => {
    await start({}, { bodyBytesMax: 1_000 });
    const codeOf = async (path: string, body?: string): Promise<unknown[]> => {
      const answer = await fetch(`${running.httpUrl}${path}`, body === undefined ? {} : { method: 'POST', body });
      const { error } = (await answer.json()) as { error: { code: string } };
      return [answer.status, error.code];
    };
    expect(await codeOf('/v1/nowhere')).toEqual([404, 'ROUTE_NOT_FOUND']);
    expect(await codeOf('/v1/settle', 'x'.repeat(2_000))).toEqual([413, 'BODY_TOO_LARGE']);
  });

  it('says that a body is too long also to a client that writes all of it before it reads', async () => {
    await start({}, { bodyBytesMax: 1_000 });
    const socket = connect(Number(new URL(running.httpUrl).port), '127.0.0.1').pause();
    const length = 20_000_000;
    socket.write(`POST /v1/settle HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${length}\r\n\r\n`);
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject).write(Buffer.alloc(length), () => resolve());
    });
    const [answer] = (await once(socket.resume(), 'data')) as [Buffer];
    expect(String(answer)).toMatch(/^HTTP\/1.1 413 /);
    socket.destroy();
  });

  it('fails under /v2 as clients of the Open Inference Protocol read it, whatever it fails of', async () => {
    @Controller('v2')
    class Failing {
      @Needs()
      @Get('defect')
      defect(): never {
        throw new RangeError('a secret of the process');
      }
    }
    @Module({ controllers: [Failing] })
    class Serving {}
    await start({}, { bodyBytesMax: 1_000 }, Serving);
    const { port } = new URL(running.httpUrl);
    const answered = async (path: string, options: RequestOptions = {}, body?: string): Promise<unknown[]> => {
      const sent = request({ host: '127.0.0.1', port, path, ...options }).end(body);
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      return [answer.statusCode, await json(answer)];
    };
    const failed = (code: string, words: string): object => ({ error: expect.stringContaining(words) as string, code });
    const post = { method: 'POST' };
    expect(await answered('/v2/nowhere')).toEqual([404, failed('ROUTE_NOT_FOUND', 'there is no such call')]);
    expect(await answered('/v2?x', post)).toEqual([404, failed('ROUTE_NOT_FOUND', 'there is no such call')]);
    expect(await answered('/v2/x', post, 'x'.repeat(2_000))).toEqual([413, failed('BODY_TOO_LARGE', 'bodyBytesMax')]);
    expect(await answered('/v2/models/%ff')).toEqual([400, failed('BAD_REQUEST', 'expected percent-encoded UTF-8')]);
    expect(await answered('/v2/defect')).toEqual([500, failed('INTERNAL', 'something went wrong inside')]);
    expect(await answered('/v2/defect', { headers: { host: 'evil.org' } })).toEqual([
      403,
      failed('ORIGIN_REFUSED', ''),
    ]);
    const long = { headers: { x: 'y'.repeat(20_000) } };
    expect(await answered('/v2', long)).toEqual([431, failed('BAD_REQUEST', 'http.headerBytesMax')]);
    expect(await answered('/v2', { method: 'PATCH' })).toEqual([404, failed('ROUTE_NOT_FOUND', '')]);
    expect(await answered('/v1/%ff')).toEqual([
      400,
      { error: expect.objectContaining({ code: 'BAD_REQUEST' }) as object },
    ]);
  });

  it('says what is wrong with a request that names no host or expects too much', async () => {
    await start();
    const answered = async (request: string): Promise<string> => {
      const socket = connect(Number(new URL(running.httpUrl).port), '127.0.0.1');
      socket.end(`${request}\r\nconnection: close\r\n\r\n`);
      return text(socket);
    };
    expect(await answered('GET /v1/lag HTTP/1.1')).toMatch(/^HTTP\/1\.1 400 .*"BAD_REQUEST".*no Host header/s);
    expect(await answered('GET /healthz HTTP/1.0')).toMatch(/^HTTP\/1\.1 200 /);
    const expecting = await answered('POST /v2/x HTTP/1.1\r\nhost: localhost\r\nexpect: gold');
    expect(expecting).toMatch(/^HTTP\/1\.1 417 .*"error":"nothing is known of \\"Expect: gold\\"/s);
  });

  it('takes a client that goes away while it sends for no defect of its own', async () => {
    const lines: string[] = [];
    await start({}, {}, Picky, createLogger('info', { write: (line) => void lines.push(line) }));
    const socket = connect(Number(new URL(running.httpUrl).port), '127.0.0.1');
    socket.write('POST /v1/settle HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{');
    await sleep(100);
    socket.destroy();
    await sleep(200);
    expect(lines.filter((line) => line.includes('defect'))).toEqual([]);
  });

  it('may be called by the names of its settings, however they are written', async () => {
    await start({}, { hostNames: ['Gyre.Example.Org'] });
    const { port } = new URL(running.httpUrl);
    const called = (host: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        get({ host: '127.0.0.1', port, path: '/v1/lag', headers: { host } }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        }).on('error', reject);
      });
    expect(await Promise.all(['gyre.example.org', 'GYRE.example.org:8080', 'other.org'].map(called))).toEqual([
      200, 200, 403,
    ]);
  });

  it('closes what it has opened when it cannot start', async () => {
    await start();
    const port = Number(new URL(running.httpUrl).port);
    // Below those that a system gives to whoever asks for any, so that no test beside this one has it.
    const grpcPort = 20_000 + (process.pid % 10_000);
    let closed = false;
    @Module({})
    class Threads {
      onApplicationShutdown(): void {
        closed = true;
      }
    }
    const begin = (http: number): Promise<Host> => {
      const overrides = { http: { port: http }, grpc: { port: grpcPort } };
      const service = { name: 'threads', module: Threads, grpc: { package: 'inference', proto: PROTO } };
      const config = Config.load({ known: [...HOSTING_SECTIONS], overrides });
      return host([service], EmbeddedPlatform.inMemory(), config, createLogger('silent'));
    };
    await expect(begin(port)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/HTTP.*is the port taken/) as string,
    });
    expect(closed).toBe(true);
    await (await begin(0)).stop(); // its gRPC port is free again
  });

  it('tells nobody what it is made of as soon as callers are authenticated, but whether it is well', async () => {
    await start();
    expect(await reflection()).toBe(status.OK);
    client.close();
    await running.stop();
    await start({ tokens: [{ name: 'ops', sha256: createHash('sha256').update('t').digest('hex') }] });
    expect(await reflection()).toBe(status.UNIMPLEMENTED);
    expect(await health()).toEqual(SERVING);
  });
});

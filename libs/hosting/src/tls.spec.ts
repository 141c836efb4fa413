import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { Controller, Module } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { EmbeddedPlatform } from '@gyre/platform';
import { Config } from './config.js';
import { host, type Host } from './host.js';
import { HOSTING_SECTIONS } from './hosting.config.js';
import { createLogger } from './logger.js';
import { Needs } from './needs.js';
import { ListenerTls, renewCertificates } from './tls.js';

const PROTO = fileURLToPath(new URL('../../../proto/inference/grpc_predict_v2.proto', import.meta.url));

@Controller()
class Live {
  @Needs('predictor')
  @GrpcMethod('GRPCInferenceService', 'ServerLive')
  live(): { live: boolean } {
    return { live: true };
  }
}
@Module({ controllers: [Live] })
class Serving {}

describe('over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gyre-tls-'));
  const file = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const authority = (name: string): void =>
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
    );
  const certificate = (name: string, by: string): void => {
    openssl(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    );
    writeFileSync(file('ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      `${by}.crt`,
      '-CAkey',
      `${by}.key`,
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      'ext',
      '-out',
      `${name}.crt`,
    );
  };
  let running: Host;

  beforeAll(async () => {
    authority('ours');
    authority('theirs');
    for (const name of ['server', 'renewed', 'shop', 'stranger']) certificate(name, 'ours');
    certificate('impostor', 'theirs');
    const tls = { certFile: file('server.crt'), keyFile: file('server.key'), caFile: file('ours.crt') };
    const overrides = {
      http: { port: 0, tls: { ...tls, clientCertificates: 'optional' } },
      grpc: { port: 0, tls: { ...tls, clientCertificates: 'required' } },
      auth: { certificates: [{ name: 'the shop', subject: 'shop', roles: ['viewer', 'predictor'] }] },
    };
    const config = Config.load({ known: [...HOSTING_SECTIONS], overrides });
    const service = { name: 'serving', module: Serving, grpc: { package: 'inference', proto: PROTO } };
    running = await host([service], EmbeddedPlatform.inMemory(), config, createLogger('silent'));
  });
  afterAll(async () => {
    await running.stop();
    rmSync(folder, { recursive: true });
  });

  const pair = (name: string | null): object =>
    name === null ? {} : { cert: readFileSync(file(`${name}.crt`)), key: readFileSync(file(`${name}.key`)) };
  const get = (path: string, by: string | null): Promise<number> =>
    new Promise((resolve, reject) =>
      request(
        `${running.httpUrl}${path}`,
        { ca: readFileSync(file('ours.crt')), agent: false, ...pair(by) },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode ?? 0);
        },
      )
        .on('error', reject)
        .end(),
    );
  const call = (by: string | null): Promise<number> => {
    const { cert = null, key = null } = pair(by) as { cert?: Buffer; key?: Buffer };
    const client = new Client(running.grpcAddress, credentials.createSsl(readFileSync(file('ours.crt')), key, cert));
    const asIs = (bytes: Buffer): Buffer => bytes;
    return new Promise((resolve) =>
      client.makeUnaryRequest(
        '/inference.GRPCInferenceService/ServerLive',
        asIs,
        asIs,
        Buffer.alloc(0),
        (error: ServiceError | null) => {
          client.close();
          resolve(error?.code ?? 0);
        },
      ),
    );
  };

  it('serves HTTP, knowing callers by certificates that our authority vouches for', async () => {
    expect(running.httpUrl).toMatch(/^https:/);
    expect(await get('/healthz', null)).toBe(200);
    expect(await get('/v1/lag', 'shop')).toBe(200);
    for (const by of [null, 'stranger', 'impostor']) expect([by, await get('/v1/lag', by)]).toEqual([by, 401]);
  });

  it('serves gRPC likewise, and lets nobody else connect', async () => {
    expect([await call('shop'), await call('stranger')]).toEqual([0, 16]);
    expect([await call(null), await call('impostor')]).toEqual([14, 14]);
  });

  it('speaks no version that is broken', async () => {
    for (const port of [new URL(running.httpUrl).port, running.grpcAddress.split(':')[1]]) {
      const refused = new Promise((resolve, reject) => {
        const socket: TLSSocket = connect(
          {
            port: Number(port),
            host: '127.0.0.1',
            maxVersion: 'TLSv1.1',
            minVersion: 'TLSv1',
            rejectUnauthorized: false,
            ciphers: 'DEFAULT:@SECLEVEL=0',
          },
          () => resolve('connected'),
        );
        socket.on('error', reject);
      });
      await expect(refused).rejects.toThrow();
    }
  });

  it('takes a renewed certificate while it runs, and keeps the old one where the new one is broken', async () => {
    const [certFile, keyFile] = [file('live.crt'), file('live.key')];
    const put = (name: string): void => {
      copyFileSync(file(`${name}.crt`), certFile);
      copyFileSync(file(`${name}.key`), keyFile);
    };
    put('server');
    const given: string[] = [];
    const tls = ListenerTls.parse({ certFile, keyFile });
    const server = { setSecureContext: ({ cert }: { cert?: unknown }) => void given.push(String(cert)) };
    const end = renewCertificates(tls, 'http.tls', [server], createLogger('silent'), 50);
    await new Promise((resolve) => setTimeout(resolve, 100));
    put('renewed');
    while (given.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    end();
    expect(given.at(-1)).toBe(readFileSync(file('renewed.crt'), 'utf8'));
  });
});

describe('a slow client', () => {
  it('is cut off, and one with endless headers refused', async () => {
    const overrides = { http: { port: 0, headersTimeoutSeconds: 1, requestTimeoutSeconds: 2 }, grpc: { port: 0 } };
    const config = Config.load({ known: [...HOSTING_SECTIONS], overrides });
    const running = await host([], EmbeddedPlatform.inMemory(), config, createLogger('silent'));
    const { createConnection } = await import('node:net');
    const port = Number(new URL(running.httpUrl).port);
    const told = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = createConnection(port, '127.0.0.1', () =>
        socket.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n'),
      );
      const drip = setInterval(() => socket.write('x: y\r\n'), 200);
      socket.on('data', (bytes) => (text += bytes.toString()));
      socket.on('error', reject);
      socket.on('close', () => {
        clearInterval(drip);
        resolve(text);
      });
    });
    expect(told).toMatch(/^HTTP\/1.1 408 /);
    const large = await fetch(`${running.httpUrl}/healthz`, { headers: { x: 'y'.repeat(20_000) } });
    expect(large.status).toBe(431);
    await running.stop();
  });
});

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, status, type ServiceError } from '@grpc/grpc-js';
import { GyreError } from '@gyre/contracts';
import { asIs, COUNT, EchoServer, SAY, soon } from './a-grpc-server.js';
import type { GrpcCall } from './grpc-call.js';

const GZIP = { 'grpc.default_compression_algorithm': 2 };
const UNLIMITED = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };

let echo: EchoServer;
afterEach(() => echo.close());

const failure = (code: number, details: string): object =>
  expect.objectContaining<Partial<ServiceError>>({ code, details: expect.stringContaining(details) as string });

describe('a gRPC server, to a client of grpc-js', () => {
  it('answers, whether the call is compressed or not, and an empty message too', async () => {
    echo = await EchoServer.started();
    const { calls, names } = echo;
    const answers = await Promise.all([
      echo.say('this'),
      echo.say('that', { client: echo.client(GZIP) }),
      echo.say(''),
    ]);
    expect(answers.map(String)).toEqual(['said this', 'said that', 'said ']);
    expect(String(await echo.say('this', { token: 'Bearer bea' }))).toBe('said this');
    expect(names).toEqual([...Array<string>(3).fill('local user'), 'bea']);
    expect(calls[0]?.getPeer()).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(calls[0]?.peerCertificate()).toBeUndefined();
  });

  it('carries messages beyond every window there and back, many at once, and none beyond the limit', async () => {
    echo = await EchoServer.started();
    echo.handler = (bytes) => Promise.resolve(bytes);
    const client = echo.client(UNLIMITED);
    const messages = [2_900_000, 70_000, 3, 900_000].map((size, i) => Buffer.alloc(size, `${i}`));
    const answers = await Promise.all(messages.map((bytes) => echo.say(bytes, { client })));
    expect(answers.map((answer, i) => answer.equals(messages[i] as Buffer))).toEqual([true, true, true, true]);
    const long = Buffer.alloc(3_000_001);
    const refused = failure(status.RESOURCE_EXHAUSTED, 'grpc.messageBytesMax');
    await expect(echo.say(long, { client })).rejects.toEqual(refused);
    await expect(echo.say(long, { client: echo.client({ ...UNLIMITED, ...GZIP }) })).rejects.toEqual(refused);
    echo.handler = () => Promise.resolve(long);
    await expect(echo.say('this', { client })).rejects.toEqual(refused);
    expect(echo.server.bufferedBytes).toBe(0);
  });

  it('streams no faster than it is read', async () => {
    echo = await EchoServer.started();
    const stream = echo.client().makeServerStreamRequest(COUNT, asIs, asIs, Buffer.from([200]));
    stream.pause();
    await soon(100);
    expect(echo.server.bufferedBytes).toBeLessThan(200_000);
    const got: number[] = [];
    for await (const message of stream) got.push((message as Buffer)[0] as number);
    expect(got).toEqual(Array.from({ length: 200 }, (_, i) => 200 - i));
  });

  it('fails with the status and the words of what was thrown, in any script', async () => {
    echo = await EchoServer.started();
    echo.handler = () => Promise.reject(new GyreError('OVERLOADED', 'zu viel für 100 %', { retryAfterMs: 70 }));
    const failed = await echo.failed('this');
    expect(failed).toEqual(failure(status.RESOURCE_EXHAUSTED, 'OVERLOADED: zu viel für 100 %'));
    expect(failed.metadata.get('grpc-retry-pushback-ms')).toEqual(['70']);
    echo.handler = () => {
      throw new Error('thrown at once');
    };
    const { UNAUTHENTICATED } = status;
    await expect(echo.say('this')).rejects.toEqual(failure(status.INTERNAL, 'a defect'));
    await expect(echo.say('this', { token: 'Bearer wrong' })).rejects.toEqual(failure(UNAUTHENTICATED, 'not known'));
    await expect(echo.say('this', { token: 'Bearer late' })).rejects.toEqual(failure(UNAUTHENTICATED, 'not signed'));
    // An empty token leaves a space at the end, which gRPC lets a server strip.
    await expect(echo.say('this', { token: '  Bearer wrong ' })).rejects.toEqual(failure(UNAUTHENTICATED, 'not known'));
    const client = echo.client();
    const other = new Promise((_, reject) =>
      client.makeUnaryRequest('/test.Echo/Shout', asIs, asIs, Buffer.alloc(0), (error) => reject(error as Error)),
    );
    await expect(other).rejects.toEqual(failure(status.UNIMPLEMENTED, '/test.Echo/Shout'));
  });

  it('tells the handler of the deadline, and that the client has gone', async () => {
    echo = await EchoServer.started();
    const { calls } = echo;
    echo.handler = () => new Promise(() => undefined);
    const deadline = Date.now() + 400;
    await expect(echo.say('this', { deadline })).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    const [call] = calls as [GrpcCall];
    expect(Math.abs(Number(call.getDeadline()) - deadline)).toBeLessThan(100);
    while (!call.cancelled) await soon();
    const cancelled = echo.client().makeUnaryRequest(SAY, asIs, asIs, Buffer.from('that'), () => undefined);
    while (calls.length < 2) await soon();
    cancelled.cancel();
    while (calls[1]?.cancelled !== true) await soon();
    expect(echo.server.callCount).toBe(0);
  });

  it('speaks TLS, and shows a handler the certificate of a client that has a trusted one', async () => {
    const home = mkdtempSync(join(tmpdir(), 'gyre-tls-'));
    const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: home, stdio: 'ignore' });
    const make = (name: string, subject: string): void =>
      // prettier-ignore
      openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
        '-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', subject, '-addext', 'subjectAltName=DNS:localhost');
    make('server', '/CN=localhost');
    make('client', '/CN=ana');
    const read = (name: string): Buffer => readFileSync(join(home, name));
    const tls = { key: read('server.key'), cert: read('server.pem'), ca: read('client.pem') };
    echo = await EchoServer.started({ tls: { ...tls, requestCert: true, rejectUnauthorized: false } });
    const known = credentials.createSsl(read('server.pem'), read('client.key'), read('client.pem'));
    const stranger = credentials.createSsl(read('server.pem'));
    rmSync(home, { recursive: true });
    expect(String(await echo.say('this', { client: echo.client({}, known) }))).toBe('said this');
    expect(String(await echo.say('that', { client: echo.client({}, stranger) }))).toBe('said that');
    expect(echo.calls.map((call) => call.peerCertificate()?.subject.CN)).toEqual(['ana', undefined]);
  });
});

import { Client, credentials, Metadata, Server, ServerCredentials, status, type ServiceError } from '@grpc/grpc-js';
import { GyreError } from '@gyre/contracts';
import { AuthConfig } from './auth.config.js';
import { Authentication } from './authentication.js';
import { GrpcBytes, type BytesHandler, type GrpcCall } from './grpc-bytes.js';
import { Logger } from './logger.js';

class Silent extends Logger {
  override debug(): void {}
  override info(): void {}
  override warn(): void {}
  override error(): void {}
  override child(): Logger {
    return this;
  }
}

const PATH = '/test.Echo/Say';
const asIs = (bytes: Buffer): Buffer => bytes;
const GZIP = { 'grpc.default_compression_algorithm': 2 };

describe('a method that is answered bytes for bytes', () => {
  let server: Server;
  let clients: Client[];
  let address: string;
  let calls: GrpcCall[];
  let peers: string[];
  let handler: BytesHandler;

  beforeEach(async () => {
    [clients, calls, peers] = [[], [], []];
    handler = (bytes) => Promise.resolve(Buffer.concat([Buffer.from('said '), bytes]));
    const sha256 = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'; // of "test"
    const bytes = new GrpcBytes(
      new Authentication(AuthConfig.parse({ tokens: [{ name: 'ana', sha256 }] })),
      new Silent(),
      1_000,
    );
    bytes.handle('test.Echo/Say', (message, call, identity) => {
      calls.push(call);
      peers.push(call.getPeer());
      expect(identity.name).toBe('ana');
      return handler(message, call, identity);
    });
    server = new Server({ 'grpc.max_receive_message_length': 1_000 });
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    address = `127.0.0.1:${port}`;
    const method = { path: PATH, requestStream: false, responseStream: false };
    bytes.mount({ 'test.Echo': { Say: method } } as never, server);
  });
  afterEach(() => {
    for (const client of clients) client.close();
    server.forceShutdown();
  });

  const say = (text: string, { token = 'test', deadline = Infinity, options = {} } = {}): Promise<string> => {
    const client = new Client(address, credentials.createInsecure(), options);
    clients.push(client);
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${token}`);
    return new Promise((resolve, reject) =>
      client.makeUnaryRequest(PATH, asIs, asIs, Buffer.from(text), metadata, { deadline }, (error, answer) =>
        error === null ? resolve(String(answer)) : reject(error),
      ),
    );
  };
  const failure = (code: number, details: string): object =>
    expect.objectContaining<Partial<ServiceError>>({ code, details: expect.stringContaining(details) as string });

  it('answers, whether the call is compressed or not, and an empty message too', async () => {
    expect(await Promise.all([say('this'), say('that', { options: GZIP }), say('')])).toEqual([
      'said this',
      'said that',
      'said ',
    ]);
    expect(peers).toEqual(Array(3).fill(expect.stringMatching(/^127\.0\.0\.1:\d+$/)));
  });

  it('fails with the status and the words of what was thrown, in any script', async () => {
    handler = () => Promise.reject(new GyreError('OVERLOADED', 'zu viel für 100 %', { retryAfterMs: 70 }));
    const failed = await say('this').catch((error: unknown) => error as ServiceError);
    expect(failed).toEqual(failure(status.RESOURCE_EXHAUSTED, 'OVERLOADED: zu viel für 100 %'));
    expect((failed as ServiceError).metadata.get('grpc-retry-pushback-ms')).toEqual(['70']);
    handler = () => Promise.reject(new Error('a defect'));
    await expect(say('this')).rejects.toEqual(failure(status.INTERNAL, 'something went wrong inside'));
  });

  it('lets in nobody without a token, and no message beyond the limit', async () => {
    await expect(say('this', { token: 'other' })).rejects.toEqual(failure(status.UNAUTHENTICATED, 'not known'));
    await expect(say('x'.repeat(1_001))).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(calls).toEqual([]);
    expect(await say('x'.repeat(1_000))).toHaveLength(1_005);
  });

  it('tells the handler of the deadline, and that the client has gone', async () => {
    handler = () => new Promise(() => undefined);
    const deadline = Date.now() + 150;
    await expect(say('this', { deadline })).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    const [call] = calls as [GrpcCall];
    expect(Math.abs(Number(call.getDeadline()) - deadline)).toBeLessThan(100);
    while (!call.cancelled) await new Promise((resolve) => setTimeout(resolve, 5));
    void say('that').catch(() => undefined);
    while (calls.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    const gone = new Promise<void>((resolve) => calls[1]?.on('cancelled', resolve));
    clients[1]?.close();
    server.forceShutdown();
    await gone;
    expect(calls[1]?.cancelled).toBe(true);
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, credentials, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { topics, type ModelInForce } from '@gyre/contracts';
import { Config, host, HOSTING_SECTIONS, type Host } from '@gyre/hosting';
import { encodeOnnx } from '@gyre/model-runtime';
import { EmbeddedPlatform } from '@gyre/platform';
import { asking } from './an-inference.js';
import { apply, aSpec, echoing, KeptLog, serve } from './a-model.js';
import { GatewayModule } from './gateway.module.js';
import { arrays, type InferRequest, type Tensor } from './oip.js';
import { rawOf } from './oip-raw.js';
import { encodeRequest } from './oip-request.js';

const PROTO = fileURLToPath(new URL('../../../proto/inference/grpc_predict_v2.proto', import.meta.url));
const EXPLAINER = fileURLToPath(new URL('../../../proto/gyre/v1/explainer.proto', import.meta.url));
/** GYRE_MUTATIONS=100000 for a long run. */
const REQUESTS = Number(process.env['GYRE_MUTATIONS'] ?? 2_000);
/** Sent at once: what is broken shares a turn of the loop with what is not. */
const GROUP = 50;
const PATIENCE_MS = 20_000;
const MIB = 1_048_576;

/** A request as it goes over the wire. */
interface Sent {
  grpc: boolean;
  path: string;
  headers: Record<string, string>;
  bytes: Uint8Array;
}
interface Answered {
  /** HTTP's, or gRPC's. */
  code: number;
  text: string;
}

const tensor = (name: string, datatype: Tensor['datatype'], values: Tensor['values'], ...shape: number[]): Tensor => ({
  name,
  datatype,
  shape,
  values,
});
const matrix = tensor('features', 'FP32', Float32Array.of(0.25, 1, 0.5, 2), 2, 2);
const words = [tensor('who', 'BYTES', ['a', 'é'], 2), tensor('index', 'INT64', BigInt64Array.of(1n, 0n), 2)];
const asked = (over: Partial<InferRequest>): InferRequest => asking({ id: 'r', inputs: [matrix], ...over });
const REQUESTED: readonly InferRequest[] = [
  asked({ parameters: { time: '2026-11-22T14:05:00Z', routing_key: 'a', timeout: 900_000 } }),
  asked({ inputs: [tensor('height', 'FP64', [0.5], 1, 1), tensor('sea.wind', 'INT8', [3], 1)], version: '1' }),
  asked({ inputs: [tensor('entity', 'BYTES', ['nsw', 'qld'], 2), matrix], outputs: ['label', 'probabilities'] }),
  asked({ model: 'words', inputs: words, outputs: ['scores'] }),
];

const plain = ({ datatype, values }: Tensor): unknown[] =>
  Array.from(values as ArrayLike<unknown>, (value) => (datatype === 'INT64' ? Number(value) : value));
const INFER = (model: string): string => `/v2/models/${model}/infer`;
/** The same requests in the four ways in which they may come. */
const SEEDS: readonly Sent[] = REQUESTED.flatMap((request) => {
  const { model, id, parameters, inputs, outputs } = request;
  const json = (binary: boolean): Buffer =>
    Buffer.from(
      JSON.stringify({
        id,
        parameters: { ...parameters, binary_data_output: binary },
        inputs: inputs.map((input) => {
          const { name, datatype, shape } = input;
          if (binary) return { name, datatype, shape, parameters: { binary_data_size: rawOf(input).length } };
          return { name, datatype, shape, data: plain(input) };
        }),
        outputs: outputs.map((name) => ({ name })),
      }),
    );
  const head = json(true);
  const base = { grpc: false, path: INFER(model), headers: {} };
  return [
    { ...base, bytes: json(false) },
    {
      ...base,
      headers: { 'inference-header-content-length': String(head.length) },
      bytes: Buffer.concat([head, ...inputs.map(rawOf)]),
    },
    ...[false, true].map((raw) => ({ ...base, grpc: true, bytes: encodeRequest({ ...request, raw }) })),
  ];
});

const odd = fc
  .constantFrom(
    ...[
      '-1',
      '0',
      '1e999',
      '9007199254740993',
      '18446744073709551616',
      '2147483648',
      'null',
      '[[[[',
      '{}',
      '""',
      ']',
      '\\u0000',
    ],
    ...['"INT64"', '"BYTES"', '"FP16"', '[]', '[-1]', '[0,4294967296]', ',', '"__proto__":1,', 'é', '\ud800'],
  )
  .map((text) => Buffer.from(text));
const varint = fc.constantFrom(
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
  [0x80],
  [0x1b, 0x1c],
  [0x2a, 0],
);
const scrap = fc.oneof(
  odd,
  varint.map((bytes) => Buffer.from(bytes)),
  fc.uint8Array({ maxLength: 12 }),
);
/** What is done to the bytes, one after the other; `at` is a share of their length. */
const change = fc.record({
  kind: fc.constantFrom('flip', 'flip', 'flip', 'insert', 'overwrite', 'cut', 'repeat', 'end'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.nat(24),
  bit: fc.nat(7),
  scrap,
});
function changed(
  bytes: Buffer,
  { kind, at, length, bit, scrap: with_ }: typeof change extends fc.Arbitrary<infer C> ? C : never,
): Buffer {
  const from = Math.floor(at * bytes.length);
  const [before, after] = [bytes.subarray(0, from), bytes.subarray(from)];
  if (kind === 'insert') return Buffer.concat([before, with_, after]);
  if (kind === 'overwrite') return Buffer.concat([before, with_, after.subarray(with_.length)]);
  if (kind === 'cut') return Buffer.concat([before, after.subarray(length)]);
  if (kind === 'repeat') return Buffer.concat([before, after.subarray(0, length), after]);
  if (kind === 'end') return Buffer.from(before);
  const flipped = Buffer.from(bytes);
  if (from < flipped.length) flipped[from] = (flipped[from] as number) ^ (1 << bit);
  return flipped;
}
const mutated = fc
  .record({ seed: fc.constantFrom(...SEEDS), changes: fc.array(change, { minLength: 1, maxLength: 4 }) })
  .map(({ seed, changes }): Sent => ({ ...seed, bytes: changes.reduce(changed, Buffer.from(seed.bytes)) }));
const made = fc.oneof(
  fc
    .json({ maxDepth: 6 })
    .map((json): Sent => ({ grpc: false, path: INFER('tides'), headers: {}, bytes: Buffer.from(json) })),
  fc.uint8Array({ maxLength: 300 }).map((bytes): Sent => ({ grpc: true, path: '', headers: {}, bytes })),
  fc
    .record({
      name: fc.constantFrom('features', 'who', 'index', 'entity', 'time', ''),
      datatype: fc.constantFrom(...Object.keys(arrays), 'BYTES', 'FP8'),
      shape: fc.array(fc.oneof(fc.integer({ min: -2, max: 5 }), fc.constantFrom(2 ** 31, 2 ** 53, 1e308, 0.5)), {
        maxLength: 4,
      }),
      data: fc.jsonValue({ maxDepth: 3 }),
      parameters: fc.dictionary(
        fc.constantFrom('binary_data_size', 'classification', 'x'),
        fc.oneof(fc.integer(), fc.string()),
      ),
    })
    .map((input): Sent => ({
      grpc: false,
      path: INFER('words'),
      headers: {},
      bytes: Buffer.from(JSON.stringify({ inputs: [input, input] })),
    })),
  fc
    .tuple(
      fc.constantFrom(...SEEDS.filter(({ grpc }) => !grpc)),
      fc.oneof(fc.integer({ max: 999 }).map(String), fc.string({ unit: 'grapheme-ascii', maxLength: 5 })),
    )
    .map(([seed, length]): Sent => ({ ...seed, headers: { 'inference-header-content-length': length } })),
);

/** Of a group of fifty only the one that failed is worth reading. */
function thrown<T>({ failed, errorInstance, seed }: fc.RunDetails<T>): void {
  if (failed) throw new Error(`with the seed ${seed}`, { cause: errorInstance });
}

describe('a request that is broken', () => {
  let home: string;
  let platform: EmbeddedPlatform;
  let gateway: Host;
  let client: Client;
  const agent = new Agent({ keepAlive: true, maxSockets: GROUP });
  const log = new KeptLog();

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'gyre-'));
    platform = EmbeddedPlatform.open({ dir: join(home, 'platform'), partitions: 2, tickEveryMs: null });
    const overrides = { http: { port: 0 }, grpc: { port: 0 }, gateway: { logDir: join(home, 'gateway') } };
    const service = {
      name: 'gateway',
      module: GatewayModule,
      grpc: [{ package: 'inference', proto: PROTO }, { proto: EXPLAINER }],
    };
    const config = Config.load({ known: [...HOSTING_SECTIONS, 'gateway'], overrides });
    gateway = await host([service], platform, config, log);
    client = new Client(gateway.grpcAddress, credentials.createInsecure(), { 'grpc.max_send_message_length': -1 });
    await apply(platform);
    await serve(platform, { champion: [1, echoing()] });
    await serveWords();
    await platform.settled();
  });
  afterAll(async () => {
    agent.destroy();
    client.close();
    await gateway.stop();
    rmSync(home, { recursive: true });
  });

  /** A second model, imported: text and whole numbers in, a row of a table out. */
  const serveWords = async (): Promise<void> => {
    const label = { name: 'label', type: 'regression' };
    const spec: ModelInForce = {
      ...aSpec({ name: 'words', label, fallback: { refuse: true } }),
      inputs: [],
      imported: true,
    };
    const onnx = await platform.artifacts.put(
      encodeOnnx({
        name: 'words',
        inputs: [
          { name: 'who', type: 'string', dims: ['N'] },
          { name: 'index', type: 'int64', dims: ['N'] },
        ],
        outputs: [
          { name: 'same', type: 'string', dims: ['N'] },
          { name: 'scores', type: 'float32', dims: ['N', 2] },
        ],
        nodes: [
          { op: 'Identity', inputs: ['who'], outputs: ['same'] },
          { op: 'Gather', inputs: ['table', 'index'], outputs: ['scores'] },
        ],
        constants: { table: { type: 'float32', dims: [2, 2], values: [1, 0, 0.25, 0.75] } },
        opsets: { '': 13 },
        metadata: {},
      }),
    );
    const said = { model: 'words', occurredAt: 0, actor: 'registry', reason: 'by the specification' };
    const nothing = { previous: null, shadows: [], arms: [], rollout: null };
    await platform.append(topics.lifecycle, [
      { ...said, type: 'ModelApplied', spec },
      { ...said, type: 'ServingChanged', champion: { version: 1, onnx }, ...nothing },
    ]);
  };

  const post = ({ path, headers, bytes }: Sent): Promise<Answered> =>
    new Promise((resolve, reject) => {
      const options = {
        agent,
        method: 'POST',
        timeout: PATIENCE_MS,
        headers: { ...headers, 'content-length': bytes.length },
      };
      const sending = httpRequest(`${gateway.httpUrl}${path}`, options, (reply) => {
        const parts: Buffer[] = [];
        reply.on('data', (part: Buffer) => parts.push(part));
        reply.on('end', () => resolve({ code: reply.statusCode ?? 0, text: Buffer.concat(parts).toString() }));
      });
      sending.on('timeout', () => sending.destroy(new Error(`no answer in ${PATIENCE_MS} ms`)));
      sending.on('error', reject);
      sending.end(bytes);
    });
  const call = ({ bytes }: Sent): Promise<Answered> =>
    new Promise((resolve) => {
      const same = (message: Buffer): Buffer => message;
      const method = '/inference.GRPCInferenceService/ModelInfer';
      const deadline = Date.now() + PATIENCE_MS;
      client.makeUnaryRequest(method, same, same, Buffer.from(bytes), { deadline }, (error, answer) =>
        resolve(error === null ? { code: status.OK, text: String(answer) } : { code: error.code, text: error.details }),
      );
    });
  const send = (sent: Sent): Promise<Answered> => (sent.grpc ? call(sent) : post(sent));

  /** What tells a caller that they were wrong, or that it went well. */
  const HTTP_STATUSES: ReadonlySet<number> = new Set([200, 400, 404, 504]);
  const GRPC_STATUSES: ReadonlySet<number> = new Set([
    ...[status.OK, status.INVALID_ARGUMENT, status.NOT_FOUND, status.DEADLINE_EXCEEDED],
  ]);
  const counts = new Map<string, number>();

  it(`gets a status, and harms nobody beside it: ${REQUESTS} of them`, async () => {
    const good = SEEDS.filter((_, i) => i % 2 === 0);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ weight: 4, arbitrary: mutated }, made), { minLength: GROUP, maxLength: GROUP }),
        async (group) => {
          const [answers, beside] = await Promise.all([Promise.all(group.map(send)), Promise.all(good.map(send))]);
          for (const [i, { code, text }] of answers.entries()) {
            const { grpc } = group[i] as Sent;
            const name = grpc ? `gRPC ${status[code]}` : `HTTP ${code}`;
            counts.set(name, (counts.get(name) ?? 0) + 1);
            if (!(grpc ? GRPC_STATUSES : HTTP_STATUSES).has(code))
              throw new Error(
                `${name}: ${text}; from ${JSON.stringify({ ...group[i], bytes: Buffer.from((group[i] as Sent).bytes).toString('base64') })}`,
              );
          }
          expect(beside.map(({ code }) => code)).toEqual(good.map(({ grpc }) => (grpc ? status.OK : 200)));
        },
      ),
      { numRuns: Math.ceil(REQUESTS / GROUP), endOnFailure: true, reporter: thrown },
    );
    // Both ends of what a mutation can do were seen.
    for (const seen of ['HTTP 200', 'HTTP 400', 'gRPC OK', 'gRPC INVALID_ARGUMENT'])
      expect(counts.get(seen)).toBeGreaterThan(0);
    if (REQUESTS > 10_000)
      console.info(Object.fromEntries(counts), `${Math.round(process.memoryUsage.rss() / MIB)} MiB`);
    expect(log.lines.filter((line) => line.includes('defect'))).toEqual([]);
  }, 1_800_000);

  const rest = (bytes: string | Uint8Array, headers: Record<string, string> = {}): Sent => {
    return { grpc: false, path: INFER('tides'), headers, bytes: Buffer.from(bytes as string) };
  };
  const shaped = (shape: string, data = '[1]', datatype = 'FP32'): Sent =>
    rest(`{"inputs":[{"name":"features","datatype":"${datatype}","shape":[${shape}],"data":${data}}]}`);
  const grpc = (bytes: Uint8Array): Sent => ({ grpc: true, path: '', headers: {}, bytes });
  const overGrpc = (...shape: number[]): Sent => grpc(encodeRequest(asked({ inputs: [{ ...matrix, shape }] })));
  const many = (count: number, ...bytes: number[]): Sent =>
    grpc(Buffer.alloc(count * bytes.length, Buffer.from(bytes)));
  const LARGE = 8 * MIB;
  const [SHAPE_OF_ONES, PARAMETERS] = [LARGE / 2, 3_000];

  it.each<[string, () => Sent, string]>([
    ['lists in lists without end', () => rest('['.repeat(LARGE)), 'more than 64 deep in one another'],
    ['objects in objects', () => rest('{"data":'.repeat(100) + '1' + '}'.repeat(100)), 'more than 64 deep'],
    ['millions of broken tensors', () => rest(`{"inputs":[${'1,'.repeat(LARGE / 2)}1]}`), 'expected at most 16384'],
    ['a tensor that is none', () => rest('{"inputs":[1]}'), 'inputs.0: expected an object, got a number'],
    ['millions of dimensions', () => shaped('1,'.repeat(SHAPE_OF_ONES) + '1'), 'more than 64 dimensions'],
    ['a product beyond numbers', () => shaped('2147483647,2147483647'), 'more elements than can be counted'],
    ['a negative dimension', () => shaped('-1'), 'dimensions are whole numbers from 0 to 2147483647'],
    ['a dimension that is no number', () => shaped('1e999'), 'dimensions are whole numbers from 0 to 2147483647'],
    ['a shape without the data for it', () => shaped('100000,100000'), '10000000000 elements, but brought 1 in data'],
    [
      'a number of millions of digits',
      () => shaped('1,1', `[${'9'.repeat(LARGE)}]`, 'INT64'),
      'expected whole numbers',
    ],
    [
      'a name of megabytes',
      () => rest(`{"inputs":[{"name":"${'x'.repeat(LARGE)}","datatype":"FP32","shape":[1],"data":[1]}]}`),
      'x'.repeat(5_000),
    ],
    [
      'binary data that is not there',
      () =>
        rest(`{"inputs":[{"name":"features","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":1e9}}]}`),
      'has binary_data_size 1000000000, and 0 bytes',
    ],
    [
      'two inputs of one name',
      () => grpc(encodeRequest(asked({ inputs: [matrix, matrix] }))),
      'input "features" is brought twice; expected one input of each name',
    ],
    ['millions of empty tensors, gRPC', () => many(LARGE / 2, 0x2a, 0), 'more than 16384 inputs'],
    ['millions of wanted outputs, gRPC', () => many(LARGE / 2, 0x32, 0), 'more than 16384 outputs'],
    ['millions of raw tensors, gRPC', () => many(LARGE / 2, 0x3a, 0), 'more than 16384 raw_input_contents'],
    ['many parameters, gRPC', () => many(PARAMETERS, 0x22, 0), 'more than 1024 parameters'],
    ['groups in groups, gRPC', () => many(LARGE, 0x5b), 'groups lie in one another more than 32 deep'],
    ['many dimensions, gRPC', () => overGrpc(...new Array<number>(100_000).fill(1)), 'more than 64 dimensions'],
    ['a product beyond numbers, gRPC', () => overGrpc(2 ** 31 - 1, 2 ** 31 - 1), 'more elements than can be counted'],
    ['a negative dimension, gRPC', () => overGrpc(-1, 2), 'dimensions are whole numbers from 0 to 2147483647'],
    [
      'a shape without the data for it, gRPC',
      () => overGrpc(2 ** 20, 2 ** 20),
      'elements, but brought 4 in fp32_contents',
    ],
  ])('is refused in little time and memory for %s', async (_, make, problem) => {
    const sent = make();
    const before = process.memoryUsage.rss();
    const { code, text } = await send(sent);
    expect(text).toContain(problem);
    expect(code).toBe(sent.grpc ? status.INVALID_ARGUMENT : 400);
    expect(text.length).toBeLessThan(11_000);
    expect(process.memoryUsage.rss() - before).toBeLessThan(500 * MIB);
  });

  it('is refused where it is longer than the settings allow', async () => {
    const long = Buffer.alloc(33_000_000, 0x20);
    expect((await post(rest(long))).code).toBe(413);
    expect((await call(grpc(long))).code).toBe(status.RESOURCE_EXHAUSTED);
  });
});

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  credentials,
  type ChannelCredentials,
  loadPackageDefinition,
  Metadata,
  status,
  type Client,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { topics, type Predicted } from '@gyre/contracts';
import { Config, host, HOSTING_SECTIONS, type Host } from '@gyre/hosting';
import { EmbeddedPlatform } from '@gyre/platform';
import { answering, apply, aSpec, echoing, KeptLog, serve } from './a-model.js';
import { GatewayModule } from './gateway.module.js';

/** The messages as the proto loader makes them. */
interface ModelInferResponseMessage {
  model_name: string;
  model_version: string;
  parameters: Record<string, { string_param?: string }>;
  outputs: { contents?: { fp32_contents: number[] } }[];
  raw_output_contents?: Buffer[];
}

const PROTO = fileURLToPath(new URL('../../../proto/inference/grpc_predict_v2.proto', import.meta.url));
const EXPLAINER = fileURLToPath(new URL('../../../proto/gyre/v1/explainer.proto', import.meta.url));

describe('the gateway', () => {
  let home: string;
  let platform: EmbeddedPlatform;
  let gateway: Host;
  let client: Client;

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'gyre-'));
    await start();
    await apply(platform);
    await platform.settled();
  });
  afterEach(async () => {
    await stop();
    rmSync(home, { recursive: true });
  });

  const start = async (auth: object = {}): Promise<void> => {
    platform = EmbeddedPlatform.open({ dir: join(home, 'platform'), partitions: 2, tickEveryMs: null });
    const known = [...HOSTING_SECTIONS, 'gateway'];
    const overrides = {
      http: { port: 0 },
      grpc: { port: 0 },
      auth: { ...auth },
      gateway: { logDir: join(home, 'gateway') },
    };
    const service = {
      name: 'gateway',
      module: GatewayModule,
      grpc: [{ package: 'inference', proto: PROTO }, { proto: EXPLAINER }],
    };
    gateway = await host([service], platform, Config.load({ known, overrides }), new KeptLog());
    // As a client in another language would: int64 as it likes, no defaults.
    const { inference } = loadPackageDefinition(loadSync(PROTO, { keepCase: true, longs: String })) as never as {
      inference: { GRPCInferenceService: new (address: string, channel: ChannelCredentials) => Client };
    };
    client = new inference.GRPCInferenceService(gateway.grpcAddress, credentials.createInsecure());
  };
  const stop = async (): Promise<void> => {
    client.close();
    await gateway.stop();
  };
  const call = <A>(method: string, request: object, metadata = new Metadata()): Promise<A> =>
    new Promise((resolve, reject) => {
      const unary = (
        client as never as Record<
          string,
          (r: object, m: Metadata, done: (e: ServiceError | null, a: A) => void) => void
        >
      )[method];
      unary?.call(client, request, metadata, (error, answer) => (error === null ? resolve(answer) : reject(error)));
    });
  const infer = (over: object = {}): Promise<ModelInferResponseMessage> =>
    call('ModelInfer', {
      model_name: 'tides',
      inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 2], contents: { fp32_contents: [0.75, 3] } }],
      ...over,
    });
  const inPlace = async (): Promise<void> => {
    await platform.settled();
  };
  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(`${gateway.httpUrl}${path}`, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const logged = async (): Promise<Predicted[]> => {
    await post('/v1/settle', {});
    const events: Predicted[] = [];
    for await (const { event } of platform.read(topics.predictions)) events.push(event);
    return events;
  };

  it('says that it lives, is ready, and what it serves', async () => {
    expect(await call('ServerLive', {})).toEqual({ live: true });
    expect(await call('ServerReady', {})).toEqual({ ready: true });
    expect(await call('ServerMetadata', {})).toMatchObject({ name: 'gyre' });
    expect(await call('ModelReady', { name: 'tides' })).toMatchObject({});
    await serve(platform, { champion: [4, echoing()], previous: [3, answering(0.5)] });
    await inPlace();
    expect(await call('ModelReady', { name: 'tides' })).toEqual({ ready: true });
    expect(await call('ModelMetadata', { name: 'tides' })).toEqual({
      name: 'tides',
      versions: ['4', '3'],
      platform: 'onnxruntime_onnx',
      inputs: [{ name: 'features', datatype: 'FP32', shape: ['-1', '2'] }],
      outputs: [
        { name: 'probabilities', datatype: 'FP32', shape: ['-1', '2'] },
        { name: 'label', datatype: 'BYTES', shape: ['-1'] },
      ],
      parameters: {
        class_labels: { string_param: '["dry","wet"]' },
        runs_on: { string_param: 'loop' },
        run_micros: expect.anything() as object,
        batched: { bool_param: true },
      },
    });
  });

  it('is ready, however it is asked, and says what is wrong, while an older version answers for a champion that could not be loaded', async () => {
    const asked = async (): Promise<unknown[]> => [
      (await fetch(`${gateway.httpUrl}/readyz`)).status,
      (await fetch(`${gateway.httpUrl}/v2/health/ready`)).status,
      await call('ServerReady', {}),
    ];
    await serve(platform, { champion: [1, echoing()] });
    await inPlace();
    expect(await asked()).toEqual([200, 200, { ready: true }]);
    await serve(platform, { champion: [2, 'f'.repeat(64)], previous: [1, echoing()] });
    await inPlace();
    expect(await asked()).toEqual([200, 200, { ready: true }]);
    expect(await (await fetch(`${gateway.httpUrl}/readyz`)).json()).toEqual({
      status: 'ready',
      missing: {},
      degraded: { gateway: 'the champion could not be loaded, an older version answers: tides' },
    });
    await serve(platform, { champion: [3, echoing()] });
    await inPlace();
    expect(await asked()).toEqual([200, 200, { ready: true }]);
  });

  it('tells how many of the pairs that shadows should make were made', async () => {
    await serve(platform, { champion: [1, echoing()], shadows: [[2, echoing()]] });
    await inPlace();
    const pairs = async (): Promise<{ rows: { scored: number }; coverage: number | null }> =>
      (await (await fetch(`${gateway.httpUrl}/v1/models/tides/pairs`)).json()) as never;
    const { scored } = (await pairs()).rows;
    const body = JSON.stringify({
      inputs: [{ name: 'features', datatype: 'FP32', shape: [3, 2], data: [0.1, 1, 0.2, 1, 0.3, 1] }],
    });
    expect((await fetch(`${gateway.httpUrl}/v2/models/tides/infer`, { method: 'POST', body })).status).toBe(200);
    while ((await pairs()).rows.scored < scored + 3) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await pairs()).toEqual({ model: 'tides', rows: { scored: scored + 3, failed: 0, shed: 0 }, coverage: 1 });
    expect(await (await fetch(`${gateway.httpUrl}/metrics`)).text()).toContain(
      'gyre_gateway_pair_coverage{model="tides"} 1',
    );
    expect((await fetch(`${gateway.httpUrl}/v1/models/nobody/pairs`)).status).toBe(404);
  });

  it('counts under the names that boards of Triton read', async () => {
    await serve(platform, { champion: [4, echoing()] });
    await inPlace();
    await Promise.all([infer(), infer()]);
    const wrong = infer({
      inputs: [{ name: 'other', datatype: 'FP32', shape: [1], contents: { fp32_contents: [0] } }],
    });
    await expect(wrong).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    await expect(infer({ model_name: 'made up' })).rejects.toMatchObject({ code: status.NOT_FOUND });
    const text = await (await fetch(`${gateway.httpUrl}/metrics`)).text();
    const of = (name: string): string[] => text.split('\n').filter((line) => line.startsWith(`nv_inference_${name}{`));
    const labels = '{model="tides",version="4"}';
    expect(of('request_success')).toContain(`nv_inference_request_success${labels} 2`);
    expect(of('count')).toContain(`nv_inference_count${labels} 2`);
    expect(of('request_failure')).toEqual(['nv_inference_request_failure{model="tides",version="0",reason="OTHER"} 1']);
    const value = (name: string): number => Number(of(name)[0]?.split(' ')[1]);
    expect(value('exec_count')).toBeLessThanOrEqual(2);
    const [request, queue, compute] = ['request', 'queue', 'compute_infer'].map((part) => value(`${part}_duration_us`));
    expect(compute).toBeGreaterThan(0);
    expect(request).toBeGreaterThanOrEqual((queue ?? NaN) + (compute ?? NaN));
  });

  it('answers typed with typed contents and raw with raw, and logs each once', async () => {
    await serve(platform, { champion: [4, echoing()] });
    await inPlace();
    const typed = await infer({ id: 'mine' });
    expect(typed).toMatchObject({
      model_name: 'tides',
      model_version: '4',
      id: 'mine',
      parameters: { version: { string_param: '4' }, role: { string_param: 'champion' } },
      outputs: [
        { name: 'probabilities', datatype: 'FP32', shape: ['1', '2'], contents: { fp32_contents: [0.25, 0.75] } },
        { name: 'label', datatype: 'BYTES', shape: ['1'], contents: { bytes_contents: [Buffer.from('wet')] } },
      ],
    });
    const raw = await infer({
      inputs: [{ name: 'features', datatype: 'FP32', shape: [2, 2] }],
      raw_input_contents: [Buffer.from(Float32Array.of(0.75, 3, 0.5, 3).buffer)],
    });
    expect(raw.outputs[0]).not.toHaveProperty('contents.fp32_contents');
    expect(raw.raw_output_contents?.[0]).toEqual(Buffer.from(Float32Array.of(0.25, 0.75, 0.5, 0.5).buffer));
    expect(raw.raw_output_contents?.[1]?.toString()).toBe('\x03\0\0\0wet\x03\0\0\0dry');
    const ids = (await logged()).map(({ id }) => id);
    expect(ids).toHaveLength(3);
    // Without an entity the partition follows the random id, and with it the place among the others.
    expect(ids).toContain(typed.parameters['prediction_id']?.string_param);
  });

  it('fails with the status of the error table and words that help', async () => {
    await expect(infer({ model_name: 'tide' })).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: expect.stringContaining('no model named "tide"; there are: tides') as string,
    });
    await expect(infer({ inputs: [] })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining('expected one input "features" of FP32 [N, 2]') as string,
    });
  });

  it('names no model to somebody who may not know of it, whatever is asked', async () => {
    await stop();
    const sha256 = createHash('sha256').update('key').digest('hex');
    await start({ tokens: [{ name: 'shop', sha256, roles: ['predictor:tide*'] }] });
    await apply(platform, aSpec({ name: 'fraud' }));
    await inPlace();
    const metadata = new Metadata();
    metadata.set('x-api-key', 'key');
    const told = 'no model named "tide"; there are: tides';
    for (const [method, request] of [
      ['ModelInfer', { model_name: 'tide' }],
      ['ModelReady', { name: 'tide' }],
      ['ModelMetadata', { name: 'tide' }],
    ] as const)
      await expect(call(method, request, metadata)).rejects.toMatchObject({ details: `MODEL_NOT_FOUND: ${told}` });
    for (const path of ['', '/ready', '/infer', '/explain']) {
      const method = path === '/infer' || path === '/explain' ? 'POST' : 'GET';
      const headers = { 'x-api-key': 'key' };
      const answer = await fetch(`${gateway.httpUrl}/v2/models/tide${path}`, { method, headers });
      expect([path, answer.status, await answer.json()]).toEqual([path, 404, { error: told, code: 'MODEL_NOT_FOUND' }]);
    }
  });

  it('answers a request without tensors raw, as clients such as tritonclient read it', async () => {
    // No feature store runs in this process.
    const answer = await infer({ inputs: [], parameters: { entity: { string_param: 'x' } } });
    expect(answer.parameters['role']).toEqual({ string_param: 'fallback' });
    expect(answer.outputs[0]).not.toHaveProperty('contents.fp32_contents');
    expect(answer.raw_output_contents?.[0]).toEqual(Buffer.from(Float32Array.of(1, 0).buffer));
  });

  it('answers the same over REST', async () => {
    await serve(platform, { champion: [4, echoing()] });
    await inPlace();
    const inputs = [{ name: 'features', datatype: 'FP32', shape: [1, 2], data: [[0.75, null]] }];
    for (const path of ['/v2/models/tides/infer', '/v2/models/tides/versions/4/infer']) {
      const answer = await post(path, { id: 'mine', inputs: [{ ...inputs[0], data: [[0.75, 1]] }] });
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({
        model_name: 'tides',
        model_version: '4',
        id: 'mine',
        parameters: { role: 'champion', prediction_id: expect.any(String) as string },
        outputs: [
          { name: 'probabilities', datatype: 'FP32', shape: [1, 2], data: [0.25, 0.75] },
          { name: 'label', datatype: 'BYTES', shape: [1], data: ['wet'] },
        ],
      });
    }
    const get = async (path: string): Promise<unknown[]> => {
      const answer = await fetch(gateway.httpUrl + path);
      return [answer.status, await answer.json()];
    };
    expect(await get('/v2/health/live')).toEqual([200, { live: true }]);
    expect(await get('/v2/health/ready')).toEqual([200, { ready: true }]);
    expect(await get('/v2/models/tides/ready')).toEqual([200, { ready: true }]);
    expect(await get('/v2/models/tides/versions/5/ready')).toEqual([503, { ready: false }]);
    expect(await get('/v2/models/tides')).toMatchObject([200, { versions: ['4'], inputs: [{ shape: [-1, 2] }] }]);
    expect(await get('/v2')).toMatchObject([200, { name: 'gyre' }]);
    expect(await get('/v2/models/tide')).toMatchObject([
      404,
      { code: 'MODEL_NOT_FOUND', error: expect.stringContaining('there are: tides') as string },
    ]);
    const broken = await post('/v2/models/tides/infer', '{"inputs": [');
    expect([broken.status, await broken.json()]).toMatchObject([400, { code: 'BAD_REQUEST' }]);
  });

  it('tells every failure under /v2 by a text, as its clients read it, wherever it comes from', async () => {
    const tooLong = { method: 'POST', body: Buffer.alloc(70 * 1_048_576) };
    const failures: [path: string, init: RequestInit, status: number, code: string][] = [
      ['/v2/models', {}, 404, 'ROUTE_NOT_FOUND'],
      ['/v2/models/%E0%A4%A', {}, 400, 'BAD_REQUEST'],
      ['/v2/models/tides/infer', tooLong, 413, 'BODY_TOO_LARGE'],
      ['/v2/models/tides', { headers: { long: 'x'.repeat(100_000) } }, 431, 'BAD_REQUEST'],
    ];
    for (const [path, init, status, code] of failures) {
      const answer = await fetch(gateway.httpUrl + path, init);
      expect([path, answer.status, await answer.json()]).toEqual([
        path,
        status,
        { error: expect.any(String) as string, code },
      ]);
    }
  });

  it('swaps models under load without one failed request, and every answer is its version’s own', async () => {
    const wetOf = (version: number): number => version / 16;
    await serve(platform, { champion: [1, answering(wetOf(1))] });
    await inPlace();
    let swapping = true;
    const versions = new Set<string>();
    const caller = async (): Promise<number> => {
      let calls = 0;
      for (; swapping; calls++) {
        const answer = await infer();
        versions.add(answer.model_version);
        expect(answer.outputs[0]?.contents?.fp32_contents?.[1]).toBe(wetOf(Number(answer.model_version)));
      }
      return calls;
    };
    const callers = Promise.all(Array.from({ length: 16 }, caller));
    for (let version = 2; version <= 12; version++) {
      await serve(platform, {
        champion: [version, answering(wetOf(version))],
        previous: [version - 1, answering(wetOf(version - 1))],
      });
      await inPlace();
      expect((await infer()).model_version).toBe(String(version));
    }
    swapping = false;
    const calls = (await callers).reduce((sum, n) => sum + n, 0);
    expect(versions.size).toBeGreaterThan(5);
    expect(await logged()).toHaveLength(calls + 11);
  });

  it('counts what ops teams ask for', async () => {
    await infer();
    await infer({ model_name: 'tide' }).catch(() => undefined);
    const text = await (await fetch(`${gateway.httpUrl}/metrics`)).text();
    for (const line of [
      'gyre_gateway_requests_total{model="tides"} 1',
      'gyre_gateway_failures_total{code="MODEL_NOT_FOUND"} 1',
      'gyre_gateway_fallback_answers_total{model="tides",reason="no-version",by="default"} 1',
      'gyre_gateway_request_seconds_count 1',
      'gyre_gateway_unlogged_answers 0',
    ]) {
      expect(text).toContain(line);
    }
    expect(text).toMatch(/gyre_gateway_prediction_log_bytes [1-9]/);
  });

  it('goes on after a restart with the version that served, and all that it logged', async () => {
    await serve(platform, { champion: [4, echoing()] });
    await inPlace();
    await Promise.all(Array.from({ length: 50 }, () => infer()));
    await stop();
    await start();
    expect((await infer()).model_version).toBe('4');
    expect(await logged()).toHaveLength(51);
  });
});

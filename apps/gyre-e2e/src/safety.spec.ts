import { createHash } from 'node:crypto';
import { InferenceClient } from './inference-client.js';
import { Api, gyre, newDirectory, newFile, RunningGyre } from './harness.js';
import { machine } from './machines.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('a page of another site', () => {
  let running: RunningGyre;
  beforeAll(async () => {
    running = await RunningGyre.start();
    await running.apply(machine);
  });

  const CHANGES: [string, string][] = [
    ['/v1/specs', machine.replace('load: float', 'load: int')],
    ['/v1/events', '{"id":"planted","type":"features"}'],
    ['/v1/models/failure/retrain', '{}'],
    ['/v1/models/failure/rollback', '{}'],
    ['/v1/deadletters/replay', '{"all":true}'],
    ['/v2/models/failure/infer', '{"parameters":{"entity":"planted"}}'],
  ];

  const STRANGERS: [string, Record<string, string>][] = [
    ['with a foreign Origin', { origin: 'http://evil.example' }],
    ['with the Origin null of a sandboxed frame', { origin: 'null' }],
    ['with the Origin of another port', { origin: 'http://127.0.0.1:1' }],
    ['with a foreign Host, as after DNS rebinding', { host: 'evil.example', origin: 'http://evil.example' }],
    ['that the browser calls cross-site', { 'sec-fetch-site': 'cross-site' }],
  ];

  it.each(STRANGERS)('%s changes nothing', async (_, headers) => {
    const before = await running.get('/v1/specs');
    const { length } = await running.decisions('failure');
    for (const [path, body] of CHANGES) {
      // The type that a form may send without asking first.
      const answer = await running.call('POST', path, { body, headers: { 'content-type': 'text/plain', ...headers } });
      expect([path, answer.status]).toEqual([path, 403]);
      expect(JSON.stringify(answer.body)).toMatch(/ORIGIN_REFUSED/);
    }
    await running.settle();
    expect(await running.get('/v1/specs')).toEqual(before);
    expect(await running.decisions('failure')).toHaveLength(length);
    expect(await running.deadLetters()).toEqual([]);
    expect((await running.labels('failure')).waiting).toBe(0);
  });

  it('with a foreign Host, as after DNS rebinding, reads nothing either', async () => {
    const headers = { host: 'evil.example' };
    for (const path of ['/', '/v1/specs', '/v1/models/failure/timeline', '/metrics', '/v2']) {
      const answer = await running.call('GET', path, { headers });
      expect([path, answer.status]).toEqual([path, 403]);
    }
    expect((await running.call('GET', '/healthz', { headers })).status).toBe(200);
    expect((await running.call('GET', '/readyz', { headers })).status).toBe(200);
  });

  it.each(['LOCALHOST', 'localhost.', 'localhost:8080'])(
    'by its own name may, however that is written: %s',
    async (host) => {
      expect((await running.call('GET', '/v1/specs', { headers: { host } })).status).toBe(200);
    },
  );

  it('of its own may', async () => {
    const headers = { origin: running.url, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' };
    const { status } = await running.call('POST', '/v2/models/failure/infer', {
      body: '{"parameters":{"entity":"own"}}',
      headers,
    });
    expect(status).toBe(200);
  });
});

describe('an address that others can reach', () => {
  it.each([['http'], ['grpc']])('is refused for %s as long as no caller is authenticated', async (section) => {
    const settings = newFile('gyre.yaml', JSON.stringify({ [section]: { host: '0.0.0.0', port: 0 } }));
    const { code, stderr } = await gyre(['up', '--data-dir', newDirectory(), '--config', settings]);
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`${section}\\.host is 0\\.0\\.0\\.0.*configure auth .*, or listen on 127`));
    expect(stderr).not.toMatch(/Gyre runs/);
  });
});

describe('with tokens configured', () => {
  const token = 'correct horse battery staple';
  let running: RunningGyre;
  beforeAll(async () => {
    running = await RunningGyre.start({
      token,
      settings: { auth: { tokens: [{ name: 'ops', sha256: sha256(token) }] } },
    });
    await running.apply(machine);
  });

  it.each([
    ['without one', undefined],
    ['with another', 'guessed'],
  ])('a call %s is refused over HTTP, reading or changing', async (_, wrong) => {
    const stranger = new Api(running.url, wrong);
    for (const [method, path] of [
      ['GET', '/v1/specs'],
      ['GET', '/v1/models/failure/timeline'],
      ['GET', '/metrics'],
      ['POST', '/v1/models/failure/retrain'],
      ['POST', '/v2/models/failure/infer'],
    ] as const) {
      const { status, body } = await stranger.call(method, path, { headers: { 'content-type': 'application/json' } });
      expect([path, status]).toEqual([path, 401]);
      expect(JSON.stringify(body)).toMatch(/UNAUTHENTICATED/);
    }
  });

  it('the open checks of health need none', async () => {
    const stranger = new Api(running.url);
    expect((await stranger.call('GET', '/healthz')).status).toBe(200);
    expect((await stranger.call('GET', '/readyz')).status).toBe(200);
  });

  it('a call over gRPC is refused without the token and answered with it', async () => {
    const request = { model_name: 'failure', parameters: { entity: { string_param: 'a' } } };
    for (const wrong of [undefined, 'guessed']) {
      const stranger = new InferenceClient(running.grpcAddress, wrong);
      await expect(stranger.infer(request)).rejects.toMatchObject({ code: 16 });
      stranger.close();
    }
    const friend = new InferenceClient(running.grpcAddress, token);
    expect((await friend.infer(request)).model_name).toBe('failure');
    friend.close();
  });

  it('the CLI says which variable is missing, and with it the timeline names the caller', async () => {
    const refused = await gyre(['retrain', 'failure', '--url', running.url]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/GYRE_TOKEN/);
    expect((await running.cli('retrain', 'failure', '--reason', 'I want it')).code).toBe(0);
    await running.settle();
    const [commanded] = await running.decided('failure', 'RetrainCommanded');
    expect(commanded).toMatchObject({ actor: 'ops', reason: 'I want it' });
  });
});

describe('with roles', () => {
  let running: RunningGyre;
  const KEYS: [string, string[]][] = [
    ['operator', ['operator:failure']],
    ['predictor', ['predictor:failure']],
    ['elsewhere', ['predictor:other-*', 'admin:other']],
    ['viewer', ['viewer']],
    ['producer', ['producer']],
    ['admin', ['admin']],
  ];
  beforeAll(async () => {
    const tokens = KEYS.map(([name, roles]) => ({ name, sha256: sha256(`key of ${name}`), roles }));
    running = await RunningGyre.start({ token: 'key of admin', settings: { auth: { tokens } } });
    await running.apply(machine);
  });

  const CALLS: [string, string, string, string[]][] = [
    ['GET', '/v1/specs', '', ['admin', 'operator', 'viewer', 'elsewhere']],
    ['GET', '/metrics', '', ['admin', 'operator', 'viewer', 'elsewhere']],
    ['GET', '/v2/models/failure', '', ['admin', 'operator', 'predictor', 'viewer', 'elsewhere']],
    ['POST', '/v2/models/failure/infer', '{"parameters":{"entity":"a"}}', ['admin', 'operator', 'predictor']],
    ['POST', '/v1/events', '{"id":"1"}', ['admin', 'producer']],
    ['POST', '/v1/models/failure/retrain', '{}', ['admin', 'operator']],
    ['POST', '/v1/specs', machine.replace('load: float', 'load: int'), ['admin']],
    ['POST', '/v1/models/failure/import', 'nothing', ['admin']],
    ['POST', '/v1/deadletters/replay', '{"letters":[]}', ['admin']],
    ['POST', '/v1/settle', '{}', ['admin']],
  ];
  it.each(CALLS)('%s %s is refused to whom it is not for', async (method, path, body, may) => {
    for (const [name] of KEYS) {
      const init = { body, headers: { 'content-type': 'application/json' } };
      const answer = await new Api(running.url, `key of ${name}`).call(method, path, init);
      expect([name, answer.status === 403]).toEqual([name, !may.includes(name)]);
      if (answer.status !== 403) continue;
      expect(JSON.stringify(answer.body)).toMatch(/PERMISSION_DENIED/);
      expect(JSON.stringify(answer.body)).toMatch(/has only .*; this call needs /);
    }
  });

  it('over gRPC it is the same; and who may not predict does not learn whether there is such a model', async () => {
    for (const [name] of KEYS) {
      const client = new InferenceClient(running.grpcAddress, `key of ${name}`);
      const allowed = CALLS.find(([, path]) => path.endsWith('/infer'))?.[3].includes(name);
      for (const model of ['failure', 'missing']) {
        const request = { model_name: model, parameters: { entity: { string_param: 'a' } } };
        const code = await client.infer(request).then(
          () => 0,
          (error: { code: number }) => error.code,
        );
        const expected = name === 'admin' && model === 'missing' ? 5 : allowed && model === 'failure' ? 0 : 7;
        expect([name, model, code]).toEqual([name, model, expected]);
      }
      client.close();
    }
  });
});

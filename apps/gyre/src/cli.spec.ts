import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from './cli.js';

interface Call {
  call: string;
  body: string;
  headers: Record<string, unknown>;
}
const calls: Call[] = [];
let answers: Record<string, unknown> = {};
let failure: { status: number; body: object } | undefined;
/** Over those of every command. */
let variables: Record<string, string> = {};
let server: Server;
let url = '';

beforeAll(async () => {
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const call = `${request.method} ${request.url}`;
      calls.push({ call, body: Buffer.concat(parts).toString(), headers: request.headers });
      response.writeHead(failure?.status ?? 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(failure?.body ?? answers[call] ?? []));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterAll(() => server.close());
beforeEach(() => {
  calls.length = 0;
  answers = {};
  failure = undefined;
  variables = {};
});

async function gyre(...argv: string[]) {
  const said = { out: '', err: '', code: -1 };
  const terminal = {
    write: (text: string) => void (said.out += text),
    note: (text: string) => void (said.err += text),
    readStdin: async () => Buffer.from('kind: Model\n'),
    stdinLines: async function* () {},
    env: { GYRE_URL: url, GYRE_TOKEN: 'secret', ...variables },
    watched: false,
  };
  said.code = await runCli(argv, terminal);
  return said;
}

const status = {
  model: 'churn',
  type: 'binary',
  phase: 'serving',
  champion: 3,
  previous: 2,
  challengers: [],
  rollout: null,
  versions: 4,
  promotions: 2,
  rollbacks: 0,
  latest: { type: 'Promoted', occurredAt: 0, reason: 'better' },
};

describe('gyre', () => {
  it('lists models as a table, and with --json as exactly what the server answers', async () => {
    answers = { 'GET /v1/models': [status] };
    expect((await gyre('get')).out).toMatch(
      /^MODEL +TYPE.*\nchurn +binary +serving +v3 .* 1970-01-01 00:00:00 Promoted\n$/,
    );
    const { out, err, code } = await gyre('get', 'models', '--json');
    expect([JSON.parse(out), err, code]).toEqual([[status], '', 0]);
    expect(calls[0]?.headers['authorization']).toBe('Bearer secret');
  });

  it('says what the server refused, in the words of /v1 and of /v2', async () => {
    const refused = { code: 'MODEL_NOT_FOUND', message: 'no model named "nope"; there are: churn', details: {} };
    for (const body of [{ error: refused }, { error: refused.message, code: refused.code }]) {
      failure = { status: 404, body };
      const { out, err, code } = await gyre('predict', 'nope', '--entity', 'x', '--json');
      expect([JSON.parse(out), code]).toEqual([{ error: refused }, 1]);
      expect(err).toMatch(/^no model named "nope"; there are: churn\n`gyre get models`/);
    }
  });

  it.each([
    ['replay', 'x.csv', '--spec', 'x.yaml', '--label-delay', '-1', '--json'],
    ['replay', 'x.csv', '--spec', 'x.yaml', '--step', '0', '--json'],
    ['promote', 'nope', '1', '--json'],
    ['get', '--lmit', '3', '--json'],
    ['predict', 'churn', '--json'],
    ['gett', '--json'],
  ])('says with --json what is wrong with the command line: %s %s %s', async (...argv) => {
    const { out, err, code } = await gyre(...argv);
    const { error } = JSON.parse(out) as { error: { code: string; message: string } };
    expect([error.code, code]).toEqual(['USAGE', 2]);
    expect(err).toContain(error.message);
    expect(calls).toEqual([]);
  });

  it('prints the problems of a spec one a line, as editors jump to them', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'gyre-cli-')), 'spec.yaml');
    writeFileSync(file, 'kind: Model\n');
    const problems = [
      { file: 'body', line: 3, column: 5, path: 'lable', problem: 'unknown key' },
      { file: 'body', line: 9, column: 1, path: '', problem: 'odd' },
    ];
    failure = { status: 422, body: { error: { code: 'SPEC_INVALID', message: 'm', details: { problems } } } };
    const { out, err, code } = await gyre('apply', '-f', file);
    expect([out, code]).toEqual(['', 1]);
    expect(err).toBe(`${file}:3:5: lable: unknown key\n${file}:9:1: odd\nNothing was applied.\n`);
    expect(calls).toMatchObject([{ call: 'POST /v1/specs', body: 'kind: Model\n', headers: { 'x-file-name': file } }]);
  });

  it('sends no spec that is not UTF-8, and says in which line', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'gyre-cli-')), 'latin1.yaml');
    writeFileSync(file, Buffer.from('kind: Model\ndescription: größe\n', 'latin1'));
    const { err, code } = await gyre('apply', '-f', file);
    expect([code, calls]).toEqual([1, []]);
    expect(err).toContain(`${file}:2:16: line 2 is not UTF-8; convert the file`);
  });

  it('says which processes do not know yet what was applied', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'gyre-cli-')), 'spec.yaml');
    writeFileSync(file, 'kind: Model\n');
    const answer = {
      applied: [{ kind: 'Model', name: 'churn', changed: true }],
      unconfirmed: ['gateway does not answer within 2000 ms'],
    };
    answers = { 'POST /v1/specs': answer };
    expect((await gyre('apply', '-f', file)).out).toMatch(
      /churn +applied\nNot known everywhere yet: gateway does not answer within 2000 ms\n$/,
    );
    expect(JSON.parse((await gyre('apply', '-f', file, '--json')).out)).toEqual(answer);
  });

  it('says what to do when nobody answers', async () => {
    const { out, err, code } = await gyre('get', '--url', 'http://127.0.0.1:9', '--json');
    expect(err).toMatch(/no Gyre answers at .* Start it with `npm start`/);
    expect([JSON.parse(out).error.code, code]).toEqual(['UNREACHABLE', 1]);
  });

  it('takes a variable that is set to nothing for none', async () => {
    variables = { GYRE_URL: '', GYRE_TOKEN: '' };
    await gyre('get', '--url', url);
    expect(calls[0]?.headers).not.toHaveProperty('authorization');
    // Nobody may listen at the default address, or somebody: but that is where it asks.
    const { err } = await gyre('status');
    expect(err).not.toMatch(/Invalid URL|Failed to parse/);
  });

  it('says which variable holds no address', async () => {
    variables = { GYRE_URL: 'zzz' };
    const { err, code } = await gyre('get');
    expect([code, err]).toEqual([
      2,
      'GYRE_URL is "zzz", which is no address; write for example http://127.0.0.1:8080\n',
    ]);
  });

  it('passes on the server’s refusal with its code and advice', async () => {
    failure = {
      status: 404,
      body: { error: { code: 'MODEL_NOT_FOUND', message: 'no model named "x"\u001b[2J', details: {} } },
    };
    const { out, err, code } = await gyre('timeline', 'x', '--json');
    expect(err).toBe('no model named "x"\ufffd[2J\n`gyre get models` lists the models there are.\n');
    expect([JSON.parse(out).error.code, code]).toEqual(['MODEL_NOT_FOUND', 1]);
  });

  it.each([
    [[]],
    [['gte']],
    [['get', 'modles']],
    [['predict', 'm']],
    [['predict', 'm', '--features', '{']],
    [['feedback', '--value', '1']],
    [['feedback', '--prediction', 'p', '--entity', 'e', '--value', '1']],
    [['promote', 'm', '0', '--reason', 'r']],
    [['promote', 'm', '2']],
    [['promote', 'm', '2', '--reason', '']],
    [['rollback', 'm', '--reason', ' ']],
    [['retrain', 'm', '--reason', '']],
    [['get', '--url', 'zzz']],
    [['get', '--url', '127.0.0.1:8080']],
    [['get', '--url', 'localhost:8080']],
    [['reproduce', 'm']],
    [['served', 'm', '--at', 'yesterday']],
    [['served', 'm', '--at', '2026-11-22T14:05:00']],
    [['deadletters', 'replay']],
    [['deadletters', 'replay', '7']],
    [['deadletters', 'replay', '0:7', '--all']],
    [['deadletters', 'replay', '0:7', '--group', 'g']],
    [['deadletters', '--limit', '100001']],
    [['predict', 'm', '--entity', 'e', '--entity-column', 'who']],
    [['predict', 'm', '--entity', 'e', '--batch-size', '256']],
    [['predict', 'm', '--entity', 'e', '--model', 'other']],
    [['explain', 'm', '--prediction', 'a.b.c']],
    [['replay', 'x.csv']],
    [['replay', 'x.csv', '--spec', 's.yaml', '--step', '0']],
    [['replay', 'x.csv', '--spec', 's.yaml', '--resume']],
    [['replay', 'x.csv', '--spec', 's.yaml', '--label-delay', '-1']],
  ])('asked wrongly, calls nobody and exits with 2: %j', async (argv) => {
    const { code, out, err } = await gyre(...argv);
    expect([code, out, calls]).toEqual([2, '', []]);
    expect(err).not.toBe('');
  });

  it('asks for a prediction with features in the model’s order, missing ones null', async () => {
    const inputs = [
      { view: 'shop', field: 'amount' },
      { view: 'shop', field: 'items' },
      { view: 'web', field: 'clicks' },
    ];
    answers = {
      'GET /v1/specs': { views: [], models: [{ name: 'churn', inputs }] },
      'POST /v2/models/churn/infer': {
        model_name: 'churn',
        model_version: '3',
        parameters: { prediction_id: 'a.b.c' },
        outputs: [{ name: 'probabilities', datatype: 'FP32', shape: [1, 2], data: [0.25, 0.75] }],
      },
    };
    const { out } = await gyre('predict', 'churn', '--features', '{"web.clicks": 4, "amount": 1.5}');
    expect(JSON.parse(calls.at(-1)?.body ?? '')).toMatchObject({
      inputs: [{ name: 'features', shape: [1, 3], data: [1.5, null, 4] }],
    });
    expect(out).toMatch(/probabilities +0\.25 {2}0\.75\nversion +3\nprediction_id +a\.b\.c\n/);
    const misspelt = await gyre('predict', 'churn', '--features', '{"amuont": 1}');
    expect([misspelt.code, misspelt.err]).toEqual([
      2,
      'the model has no feature "amuont"; it takes shop.amount, shop.items, web.clicks\n',
    ]);
  });

  it('says whether a version comes out the same when it is trained again, and exits with 1 where it does not', async () => {
    const call = 'POST /v1/models/churn/versions/3/reproduce';
    const same = {
      model: 'churn',
      version: 3,
      same: true,
      onnx: { registered: 'aa', again: 'aa' },
      sameManifest: true,
      otherSoftware: [],
    };
    answers = { [call]: same };
    expect(await gyre('reproduce', 'churn', 'v3')).toEqual({
      out: 'Version 3 of churn, trained again from its manifest, is the same file, byte for byte: sha-256 aa.\n',
      err: '',
      code: 0,
    });
    const otherSoftware = [{ name: 'node', then: 'v24.1.0', now: 'v24.2.0' }];
    answers = { [call]: { ...same, same: false, onnx: { registered: 'aa', again: 'bb' }, otherSoftware } };
    expect(await gyre('reproduce', 'churn', '3')).toMatchObject({
      out: expect.stringMatching(
        /is another file: sha-256 bb instead of aa\. .* node v24\.2\.0 \(then v24\.1\.0\)\.\n$/,
      ),
      code: 1,
    });
    expect(JSON.parse((await gyre('reproduce', 'churn', '3', '--json')).out)).toMatchObject({ same: false });
  });

  it('sends feedback as a label event', async () => {
    answers = { 'POST /v1/events': { accepted: 1, refused: [] } };
    const { out } = await gyre(
      'feedback',
      '--model',
      'm',
      '--entity',
      'e',
      '--at',
      '2026-01-02',
      '--value',
      'true',
      '--id',
      'x',
      '--json',
    );
    expect(JSON.parse(out)).toEqual({ accepted: 1, refused: [], id: 'x' });
    const event = JSON.parse(calls[0]?.body ?? '');
    expect(event).toMatchObject({
      id: 'x',
      type: 'label',
      model: 'm',
      entity: 'e',
      at: '2026-01-02T00:00:00.000Z',
      value: true,
    });
  });

  it('gives named dead letters another try', async () => {
    answers = { 'POST /v1/deadletters/replay': { replayed: 2, expired: 0 } };
    const { out } = await gyre('deadletters', 'replay', '0:7', '1:9', '--json');
    expect(JSON.parse(out)).toEqual({ replayed: 2, expired: 0 });
    expect(JSON.parse(calls[0]?.body ?? '')).toEqual({
      letters: [
        { partition: 0, offset: 7 },
        { partition: 1, offset: 9 },
      ],
    });
  });

  it('gives all dead letters another try, or those of a group, in one call', async () => {
    answers = { 'POST /v1/deadletters/replay': { replayed: 2, expired: 1 } };
    await gyre('deadletters', 'replay', '--all');
    await gyre('deadletters', 'replay', '--all', '--group', 'ingestion.accept');
    expect(calls.map(({ call, body }) => [call, JSON.parse(body)])).toEqual([
      ['POST /v1/deadletters/replay', { all: true }],
      ['POST /v1/deadletters/replay', { all: true, group: 'ingestion.accept' }],
    ]);
  });

  it('fails where Gyre is not ready, saying what it waits for and what it lacks, and asks no more', async () => {
    failure = {
      status: 503,
      body: { status: 'not ready', missing: { gateway: 'loading v3' }, degraded: { platform: 'Kafka is away' } },
    };
    const { err, code } = await gyre('status');
    expect([err, code]).toEqual(['not ready: gateway: loading v3\ndegraded: platform: Kafka is away\n', 1]);
    expect(calls.map(({ call }) => call)).toEqual(['GET /readyz']);
  });

  it('tells what a Gyre that is ready goes on without', async () => {
    answers = {
      'GET /readyz': { status: 'ready', missing: {}, degraded: { churn: 'version 3 could not be loaded' } },
      'GET /v1/lag': { groups: [{ group: 'g', topic: 't', partition: 0, offset: 0, lag: 1_200 }] },
    };
    const { out, code } = await gyre('status');
    expect(code).toBe(0);
    expect(out).toMatch(/status +ready\ndegraded +churn: version 3 could not be loaded\nevents behind +1,200\n/);
    expect(JSON.parse((await gyre('status', '--json')).out)).toMatchObject({
      degraded: { churn: 'version 3 could not be loaded' },
      behind: 1_200,
    });
  });

  it('applies several files as one, and says which of them has a problem where', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gyre-cli-'));
    const [first, second] = [join(folder, 'first.yaml'), join(folder, 'second.yaml')];
    writeFileSync(first, 'kind: FeatureView\nname: a');
    writeFileSync(second, '---\nkind: Model\nnmae: b\n');
    const problems = [
      { line: 2, column: 1, path: 'name', problem: 'of the first' },
      { line: 6, column: 1, path: 'nmae', problem: 'of the second' },
    ];
    failure = { status: 422, body: { error: { code: 'SPEC_INVALID', message: 'm', details: { problems } } } };
    const { err, code } = await gyre('apply', '-f', first, second);
    expect(err).toBe(`${first}:2:1: name: of the first\n${second}:3:1: nmae: of the second\nNothing was applied.\n`);
    expect([code, calls.map(({ body }) => body)]).toEqual([
      1,
      ['kind: FeatureView\nname: a\n...\n---\nkind: Model\nnmae: b\n'],
    ]);
    const missing = await gyre('apply', '-f', first, join(folder, 'none.yaml'));
    expect([missing.code, calls.length]).toEqual([2, 1]);
  });

  it('says which version it is', async () => {
    expect(await gyre('--version')).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });
});

import { InferenceClient } from './inference-client.js';
import { featuresOf, RunningGyre, until, type InferAnswer, type Reply } from './harness.js';
import { machine, machines, observe } from './machines.js';

const HOUR = 3_600_000;

/** The same model under names of their own, each with what its spec says of features that are missing or stale. */
const KINDS = {
  answers: 'fallback: { value: 1 }',
  falls: 'fallback: { value: 1 }\nwhenMissing: fallback',
  refuses: 'fallback: { value: 1 }\nwhenMissing: refuse',
};
type Kind = keyof typeof KINDS;
const specs = Object.entries(KINDS).map(([name, more]) => {
  const [, model = ''] = machine.split('---\n');
  return `${model.replace('name: failure', `name: ${name}`)}${more}\n`;
});
const view = machine.split('---\n')[0]!.replace('entity: machine_id', 'entity: machine_id\nttl: 1h');

describe('a feature that is missing or stale', () => {
  let running: RunningGyre;
  let client: InferenceClient;

  beforeAll(async () => {
    running = await RunningGyre.start();
    client = new InferenceClient(running.grpcAddress);
    await running.apply([view, ...specs].join('---\n'));
    for (const name of Object.keys(KINDS)) {
      const world = machines(80, name.length);
      await observe(running, world, name);
      await until(`a version of ${name}`, async () =>
        (await running.decided(name, 'ServingChanged')).length > 0 ? true : undefined,
      );
    }
    await running.send(
      featuresOf('machine', 'there', { temperature: 20, load: 0.5 }),
      featuresOf('machine', 'old', { temperature: 20, load: 0.5 }, Date.now() - 2 * HOUR),
    );
    await running.settle();
  }, 300_000);
  afterAll(() => client.close());

  const rest = (model: Kind, entity: string): Promise<Reply<InferAnswer & { code: string }>> =>
    running.call('POST', `/v2/models/${model}/infer`, { body: JSON.stringify({ parameters: { entity } }) });
  const grpc = (model: Kind, entity: string) =>
    client.infer({ model_name: model, parameters: { entity: { string_param: entity } } });

  it.each([
    ['old', 'stale'],
    ['nobody', 'missing'],
  ])('follows the spec, over REST and gRPC: %s is %s', async (entity, status) => {
    const answered = await rest('answers', entity);
    expect(answered.body.parameters).toMatchObject({ role: 'champion', feature_status: status });
    expect((await grpc('answers', entity)).parameters).toMatchObject({ role: { string_param: 'champion' } });

    const fell = await rest('falls', entity);
    const flags = {
      role: 'fallback',
      fallback_reason: 'features-missing',
      fallback: 'default',
      feature_status: status,
    };
    expect(fell.body.parameters).toMatchObject(flags);
    expect(fell.body.outputs[0]?.data).toEqual([0, 1]);
    const fellOver = await grpc('falls', entity);
    expect(fellOver.parameters).toMatchObject({ fallback_reason: { string_param: 'features-missing' } });

    expect(await rest('refuses', entity)).toMatchObject({ status: 503, body: { code: 'FEATURES_UNAVAILABLE' } });
    await expect(grpc('refuses', entity)).rejects.toMatchObject({
      code: 14,
      details: expect.stringMatching(/missing or stale/) as string,
    });
  });

  it('concerns nobody whose features are there', async () => {
    for (const model of Object.keys(KINDS) as Kind[]) {
      expect((await rest(model, 'there')).body.parameters).toMatchObject({
        role: 'champion',
        feature_status: 'present',
      });
    }
  });
});

import type { LifecycleOf, LifecycleType, ModelStatus, Served, VersionInfo } from '@gyre/contracts';
import { labelFor, type RunningGyre, until } from '../harness.js';
import { HORIZON, machineSpec, machines, trained } from '../machines.js';
import { trainingRows } from '../parquet.js';
import { oneGyre } from './one-gyre.js';

describe('a person at the command line', () => {
  const world = machines(80, 7);
  let running: RunningGyre;
  let ids: string[];

  beforeAll(async () => {
    running = await oneGyre();
    await running.apply(machineSpec('failure'));
    ids = await trained(running, world);
  }, 240_000);

  const status = async () =>
    (await running.cli<ModelStatus[]>('get', 'models')).json.find(({ model }) => model === 'failure') as ModelStatus;
  const decision = <T extends LifecycleType>(type: T, holds: (event: LifecycleOf<T>) => boolean) =>
    until(type, async () => (await running.decided('failure', type)).find(holds));

  it('finds the first version, trained on the labels that came, with its gates', async () => {
    const { json } = await running.cli<VersionInfo[]>('versions', 'failure');
    expect(json).toMatchObject([{ version: 1, role: 'champion', candidate: { trainer: 'linear' } }]);
    expect(json[0]?.gates.every(({ passed }) => passed)).toBe(true);
    expect(await status()).toMatchObject({ champion: 1, previous: null, promotions: 1, rollbacks: 0 });
  });

  it('trains a version again, in another thread, and finds the same bytes', async () => {
    const [{ candidate }] = (await running.cli<VersionInfo[]>('versions', 'failure')).json as [VersionInfo];
    const again = await running.cli('reproduce', 'failure', '1');
    expect(again).toMatchObject({
      code: 0,
      json: { same: true, onnx: { registered: candidate.onnx, again: candidate.onnx }, sameManifest: true },
    });
    const missing = await running.cli('reproduce', 'failure', '9');
    expect(missing).toMatchObject({ code: 1, json: { error: { code: 'VERSION_NOT_FOUND' } } });
  });

  it('cannot roll back to nothing, nor promote what there is not', async () => {
    const back = await running.cli('rollback', 'failure');
    expect(back).toMatchObject({ code: 1, json: { error: { code: 'COMMAND_REFUSED' } } });
    const promoted = await running.cli('promote', 'failure', '9', '--reason', 'hope');
    expect(promoted).toMatchObject({ code: 1, json: { error: { code: 'VERSION_NOT_FOUND' } } });
    const serving = await running.cli('promote', 'failure', '1', '--reason', 'hope');
    expect(serving).toMatchObject({ code: 1, json: { error: { code: 'COMMAND_REFUSED' } } });
    const silent = await running.cli('promote', 'failure', '1');
    expect(silent).toMatchObject({ code: 2, stderr: expect.stringMatching(/--reason/) });
  });

  it('retrains: the run has the newest label of each prediction, late ones too', async () => {
    const [corrected, ...unchanged] = ids as [string, ...string[]];
    const late = await running.predict('failure', world[1]?.entity as string, Date.now() - 2 * HORIZON + 30_000);
    await until('its horizon to be over', async () =>
      (await running.labels('failure')).counts.expired === 1 ? true : undefined,
    );
    const flipped = 1 - (world[0]?.failed as number);
    await running.send(labelFor(corrected, flipped));
    await running.send(labelFor(late, 1));
    await running.settle();
    const { code } = await running.cli('retrain', 'failure', '--reason', 'a label was wrong');
    expect(code).toBe(0);
    const requested = await decision('TrainingRequested', ({ trigger }) => trigger === 'manual');
    expect(requested).toMatchObject({ actor: 'local user', reason: expect.stringMatching(/a label was wrong/) });
    const built = await decision('TrainingSetBuilt', ({ run }) => run === requested.run);
    expect(built).toMatchObject({ rows: world.length + 1, parityMismatches: 0 });
    const rows = await trainingRows(await running.artifact(built.data), 2);
    const label = new Map(rows.map((row) => [row.prediction, row.label]));
    expect(label.get(corrected)).toBe(flipped);
    expect(label.get(late)).toBe(1);
    expect(unchanged.map((id) => label.get(id))).toEqual(world.slice(1).map(({ failed }) => failed));
    expect(rows.map(({ features }) => features)).toEqual(
      expect.arrayContaining(world.map(({ temperature, load }) => [temperature, load])),
    );
    await decision('TrainingFinished', ({ run }) => run === requested.run);
    // The registry decides at the next tick, which settling does not wait for.
    await decision('ServingChanged', ({ shadows }) => shadows.some(({ version }) => version === 2));
    await running.settle();
    expect(await status()).toMatchObject({ champion: 1, challengers: [2], phase: 'shadow' });
  }, 240_000);

  it('promotes a version with a reason, which the timeline keeps', async () => {
    const { code } = await running.cli('promote', 'failure', '2', '--reason', 'I have seen enough');
    expect(code).toBe(0);
    const promoted = await decision('Promoted', ({ version }) => version === 2);
    expect(promoted).toMatchObject({ from: 1, actor: 'local user', evidence: null });
    expect(promoted.reason).toMatch(/I have seen enough/);
    await running.settle();
    const answer = await running.cli('predict', 'failure', '--features', '{"temperature":90,"load":0.5}');
    expect(answer.json).toMatchObject({ model_version: '2', parameters: { role: 'champion' } });
  });

  it('takes it back: the version before serves again', async () => {
    expect((await running.cli('rollback', 'failure', '--reason', 'I was wrong')).code).toBe(0);
    const back = await decision('RolledBack', ({ version }) => version === 1);
    expect(back).toMatchObject({ from: 2, actor: 'local user', reason: expect.stringMatching(/I was wrong/) });
    await running.settle();
    expect(await status()).toMatchObject({ champion: 1, promotions: 2, rollbacks: 1 });
    const answer = await running.cli('predict', 'failure', '--features', '[90, 0.5]');
    expect(answer.json).toMatchObject({ model_version: '1' });
  });

  it('asks what served when, and who put it there', async () => {
    const at = async (ms: number) =>
      (await running.cli<Served>('served', 'failure', '--at', new Date(ms).toISOString())).json;
    const promoted = await decision('Promoted', ({ version }) => version === 2);
    const back = await decision('RolledBack', ({ version }) => version === 1);
    expect(await at(promoted.occurredAt - 1)).toMatchObject({ version: 1, actor: 'registry' });
    expect(await at(promoted.occurredAt)).toMatchObject({ version: 2, actor: 'local user', reason: promoted.reason });
    expect(await at(back.occurredAt)).toMatchObject({ version: 1, actor: 'local user', reason: back.reason });
  });

  it('finds everything as it was after a restart', async () => {
    const before = await running.decisions('failure');
    await running.stop();
    running = await running.restart();
    expect(await running.decisions('failure')).toEqual(before);
    const answer = await running.cli('predict', 'failure', '--features', '[90, 0.5]');
    expect(answer.json).toMatchObject({ model_version: '1' });
  }, 600_000);
});

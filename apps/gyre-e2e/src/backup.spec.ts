import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { VersionInfo } from '@gyre/contracts';
import { gyre, labelFor, newDirectory, RunningGyre } from './harness.js';
import { machine, machines, trained } from './machines.js';

interface Infer {
  parameters: Record<string, string>;
}

describe('a backup', () => {
  const world = machines(80, 11);
  const directory = newDirectory();
  const file = join(directory, 'gyre.tar');
  /** Predictions that were answered, and labelled, before, while and after it was taken. */
  let before: string[];
  let running: RunningGyre;

  beforeAll(async () => {
    running = await RunningGyre.start();
    await running.apply(machine);
    before = await trained(running, world);
    let taken = false;
    const traffic = (async () => {
      while (!taken) {
        const id = await running.predict('failure', world[0]?.entity as string);
        await running.send(labelFor(id, 1));
      }
    })();
    const { code, stderr } = await running.cli('backup', file);
    taken = true;
    await traffic;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await running.settle();
  }, 180_000);
  afterAll(() => running.stop());

  it('is taken while all goes on, and restored it is a Gyre that goes on from there', async () => {
    const dataDir = join(newDirectory(), 'data');
    const { code, stderr } = await gyre(['restore', file, '--data-dir', dataDir]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });

    const restored = await RunningGyre.start({ dataDir });
    await restored.settle();
    const labels = await restored.labels('failure');
    const now = await running.labels('failure');
    expect(labels.counts.joined).toBeGreaterThanOrEqual(before.length);
    expect(labels.counts.joined).toBeLessThanOrEqual(now.counts.joined);
    expect(labels).toMatchObject({ early: expect.any(Number), counts: { repeated: 0, corrected: 0, expired: 0 } });
    expect(await restored.deadLetters()).toEqual([]);
    const versions = async (of: RunningGyre): Promise<VersionInfo[]> => of.get('/v1/models/failure/versions');
    expect(await versions(restored)).toEqual(await versions(running));

    const { temperature, load, entity } = world[1] as (typeof world)[0];
    expect(await restored.get(`/v1/features/machine/${entity}`)).toMatchObject({
      features: { temperature: { value: temperature }, load: { value: load } },
    });
    const answer = await restored.post<Infer>('/v2/models/failure/infer', { parameters: { entity } });
    expect(answer.parameters).toMatchObject({ version: '1', role: 'champion' });
    await restored.send(labelFor(answer.parameters['prediction_id'] as string, 1));
    await restored.settle();
    expect((await restored.labels('failure')).counts.joined).toBe(labels.counts.joined + 1);
    await restored.stop();
  }, 180_000);

  it('is a tar archive that tar reads', () => {
    const names = execFileSync('tar', ['-tf', file], { encoding: 'utf8' }).trim().split('\n');
    expect(names).toEqual(expect.arrayContaining(['gyre.db', 'manifest.json']));
    expect(names.some((name) => name.startsWith('artifacts/sha256/'))).toBe(true);
    expect(names.some((name) => /^gateway\/gateway-[0-9a-f-]+\/\d+\.jsonl$/.test(name))).toBe(true);
    expect(names.at(-1)).toBe('manifest.json');
  });

  const bytes = (): Buffer => readFileSync(file);
  it.each<[string, (copy: string) => void, RegExp]>([
    ['cut off', (copy) => truncateSync(copy, bytes().length / 2), /it was cut off/],
    ['without its end', (copy) => truncateSync(copy, bytes().lastIndexOf('manifest.json')), /cut off/],
    [
      'changed in one byte',
      (copy) => flip(copy, bytes().indexOf('CREATE TABLE')),
      /gyre\.db is not what was backed up/,
    ],
    ['that is none', (copy) => writeFileSync(copy, 'x'.repeat(2_000)), /no tar archive/],
  ])('%s is refused, and leaves nothing behind', async (_, spoil, says) => {
    const copy = join(newDirectory(), 'copy.tar');
    writeFileSync(copy, bytes());
    spoil(copy);
    const place = newDirectory();
    const { code, stderr } = await gyre(['restore', copy, '--data-dir', join(place, 'data')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(says);
    expect(existsSync(join(place, 'data'))).toBe(false);
    expect(execFileSync('ls', ['-A', place], { encoding: 'utf8' })).toBe('');
  });

  it('is not restored over anything', async () => {
    const place = newDirectory();
    writeFileSync(join(place, 'note'), 'mine');
    const { code, stderr } = await gyre(['restore', file, '--data-dir', place]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/is not empty \(it holds note\)/);
  });
});

function flip(path: string, at: number): void {
  const content = readFileSync(path);
  content[at] = (content[at] as number) ^ 1;
  writeFileSync(path, content);
}

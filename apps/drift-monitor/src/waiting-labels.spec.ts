import type { StoredState } from '@gyre/platform';
import type { Joining } from './join.js';
import { WaitingLabels } from './waiting-labels.js';

let now = 0;
let scans = 0;
let states: Joining[] = [];
/** A store in which reading all states takes so long. */
const platform = (tookMs: number) => ({
  async *scan<S>(): AsyncIterable<StoredState<S>> {
    scans += 1;
    await Promise.resolve();
    now += tookMs;
    for (const state of states) yield { key: '', state: state as S };
  },
});
const waiting = (model: string) => ({ is: 'waiting', predicted: { model } }) as Joining;
const early = (...models: (string | null)[]) =>
  ({ is: 'early', labels: models.map((model) => ({ label: { model } })) }) as Joining;

beforeEach(() => {
  [now, scans] = [0, 0];
  states = [waiting('a'), waiting('b'), waiting('a'), early('a', null), early(null), early('b')];
});

describe('the labels that wait', () => {
  it('are counted by model', async () => {
    const labels = new WaitingLabels(platform(1), () => now);
    expect(await labels.of('a')).toEqual({ waiting: 2, early: 1, earlyUnnamed: 2 });
    expect(await labels.of('b')).toEqual({ waiting: 1, early: 1, earlyUnnamed: 2 });
    expect(await labels.of('c')).toEqual({ waiting: 0, early: 0, earlyUnnamed: 2 });
    states = [];
    expect(await labels.of('a')).toEqual({ waiting: 0, early: 0, earlyUnnamed: 0 });
  });

  it('are read once for all who ask at a time, and where that takes long, for at most a twentieth of it', async () => {
    const labels = new WaitingLabels(platform(2_000), () => now);
    await Promise.all(['a', 'b', 'a'].map((model) => labels.of(model)));
    now += 39_000;
    states = [];
    expect(await labels.of('a')).toMatchObject({ waiting: 2 });
    expect(scans).toBe(1);
    now += 1_000;
    expect(await labels.of('a')).toMatchObject({ waiting: 0 });
    expect(scans).toBe(2);
  });
});

import { OnnxModel } from '@gyre/model-runtime';
import { asking } from './an-inference.js';
import { aSpec, echoing } from './a-model.js';
import type { InferRequest } from './oip.js';
import { insteadOf, route } from './routing.js';
import { ServedVersion } from './served-version.js';
import type { Arm, Serving } from './serving.js';

describe('routing', () => {
  const model = OnnxModel.load(echoing());
  afterAll(() => model.dispose());
  const version = (number: number): ServedVersion => new ServedVersion(number, '', aSpec(), model);
  const [previous, champion, canary, other] = [1, 2, 3, 4].map(version) as [
    ServedVersion,
    ServedVersion,
    ServedVersion,
    ServedVersion,
  ];
  const serving = (...arms: Arm[]): Serving => ({
    spec: aSpec(),
    answering: champion,
    degraded: null,
    previous,
    shadows: [],
    arms,
    rollout: null,
  });
  const byEntity = (i: number): InferRequest => asking({ parameters: { entity: `e${i}` } });
  const way = (of: Serving, asked: InferRequest): number | undefined => route(of, asked).version?.version;
  const share = (of: Serving, asked: (i: number) => InferRequest): number => {
    let count = 0;
    for (let i = 0; i < 10_000; i++) if (way(of, asked(i)) === canary.version) count += 1;
    return count / 10_000;
  };
  /** Four standard errors of 10,000 throws. */
  const error = (p: number): number => 4 * Math.sqrt((p * (1 - p)) / 10_000);
  const tenth = serving({ version: canary, weight: 0.1, role: 'canary' });

  it.each<[string, (i: number) => InferRequest]>([
    ['entities', byEntity],
    ['request ids', (i) => asking({ id: `r${i}` })],
    ['routing keys', (i) => asking({ id: String(Math.random()), parameters: { routing_key: `user-${i}` } })],
    ['chance', () => asking()],
  ])('gives a canary its share by %s', (_, asked) => {
    expect(Math.abs(share(tenth, asked) - 0.1)).toBeLessThan(error(0.1));
  });

  it('takes the same entity always the same way, by a parameter or by a tensor, and keeps it when the weight grows', () => {
    const half = serving({ version: canary, weight: 0.5, role: 'canary' });
    for (let i = 0; i < 1_000; i++) {
      const first = way(tenth, byEntity(i));
      const inputs = [{ name: 'entity', datatype: 'BYTES' as const, shape: [1], values: [`e${i}`] }];
      expect([way(tenth, byEntity(i)), way(tenth, asking({ inputs, id: `r${i}` }))]).toEqual([first, first]);
      if (first === canary.version) expect(way(half, byEntity(i))).toBe(first);
    }
  });

  it('shares out between the arms of a split, and the champion has the rest', () => {
    const split = serving(
      { version: canary, weight: 0.2, role: 'split' },
      { version: other, weight: 0.3, role: 'split' },
    );
    const counts = new Map<number | undefined, number>();
    for (let i = 0; i < 10_000; i++) {
      const to = way(split, byEntity(i));
      counts.set(to, (counts.get(to) ?? 0) + 1);
    }
    for (const [to, p] of [
      [3, 0.2],
      [4, 0.3],
      [2, 0.5],
    ] as const)
      expect(Math.abs((counts.get(to) ?? 0) / 10_000 - p)).toBeLessThan(error(p));
  });

  it('gives a request the version that it names, and no other in its place', () => {
    const named = route(tenth, asking({ parameters: { gyre_version: 1 } }));
    expect(named).toEqual({ version: previous, route: 'named' });
    expect(insteadOf(tenth, named)).toEqual([]);
    expect(() => route(tenth, asking({ parameters: { gyre_version: '9' } }))).toThrow(
      'version "9" of tides is not loaded',
    );
  });

  it('has the champion answer for a canary that fails, then the previous version', () => {
    expect(insteadOf(tenth, { version: canary, route: 'canary' })).toEqual([champion, previous]);
    expect(insteadOf(tenth, { version: champion, route: 'champion' })).toEqual([previous]);
  });
});

import { routingShare, type Predicted } from '@gyre/contracts';
import { OutcomeLoss } from './outcome-loss.js';
import { RolloutComparison, type Decided } from './rollout-comparison.js';

const CHAMPION = 1;
const CANARY = 2;
const SHARE = 0.2;

/** How a request went: what the champion and the canary would answer rightly, and whether the canary failed or its pair is missing. */
interface Way {
  /** Another one for each request, unless it is named. */
  entity?: string;
  rollout?: string;
  champion: boolean;
  canary: boolean;
  fails?: boolean;
  unpaired?: boolean;
}

describe('the comparison of a canary', () => {
  const loss = new OutcomeLoss(false);
  const rulesOf = (pairsMax: number) =>
    ({ version: CANARY, role: 'canary', rule: 'notWorse', alpha: 0.05, notWorseBy: 0.01, pairsMax }) as const;
  const begin = (pairsMax: number, continues?: string): RolloutComparison => {
    const rules = rulesOf(pairsMax);
    const before =
      continues === undefined
        ? undefined
        : new RolloutComparison({ rollout: continues, incumbent: CHAMPION, challengers: [] }, loss.max);
    return new RolloutComparison({ rollout: 'r', incumbent: CHAMPION, challengers: [rules] }, loss.max, before);
  };
  const draws = (seed: number) => (): number => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;

  /** Outcomes one after the other, restored from their state now and then, until something is decided. */
  const lives = (rows: number, way: (draw: () => number) => Way, pairsMax = 500, seed = 7, continues?: string) => {
    const draw = draws(seed);
    let comparison = begin(pairsMax, continues);
    for (let row = 1; row <= rows; row++) {
      const { champion, canary, fails = false, unpaired = false, entity = `of row ${row}`, rollout = 'r' } = way(draw);
      const answered = (right: boolean) => (right ? [0.1, 0.9] : [0.9, 0.1]);
      const toCanary = rollout === 'r' && routingShare(`m${seed}`, entity) < SHARE;
      const [version, route] = toCanary && !fails ? [CANARY, 'canary'] : [CHAMPION, toCanary ? 'instead' : 'champion'];
      const other = version === CHAMPION ? CANARY : CHAMPION;
      const isScored = !unpaired && !(fails && other === CANARY);
      const shadows = isScored ? [{ version: other, output: answered(other === CANARY ? canary : champion) }] : [];
      const output = answered(version === CANARY ? canary : champion);
      const predicted: Predicted = {
        id: `p${row}`,
        model: 'm',
        occurredAt: row,
        request: null,
        entity,
        features: [],
        seen: null,
        version,
        fallback: null,
        output,
        rollout,
        shadows,
        route,
      };
      const [decided] = comparison.observe(predicted, 1, loss);
      if (decided !== undefined) return { row, decided };
      if (row % 97 === 0) comparison = RolloutComparison.restored(structuredClone(comparison.state()));
    }
    return { row: rows, decided: undefined as Decided | undefined };
  };
  const right = (p: number) => (draw: () => number) => draw() < p;

  it('says worse by its pairs, soon', () => {
    const { row, decided } = lives(2_000, (draw) => ({ champion: right(0.9)(draw), canary: right(0.6)(draw) }));
    expect(decided).toMatchObject({ verdict: 'worse', challenger: { role: 'canary' } });
    expect(decided!.evidence.upper).toBeLessThan(0);
    expect(row).toBeLessThan(400);
  });

  it('says worse by its answers alone, where no shadow is scored', () => {
    const { decided } = lives(10_000, (draw) => ({
      champion: right(0.9)(draw),
      canary: right(0.5)(draw),
      unpaired: true,
    }));
    expect(decided?.verdict).toBe('worse');
    const { canary, champion } = decided!.unpaired!;
    expect(canary.lower).toBeGreaterThan(champion.upper);
    expect(canary.answers / (canary.answers + champion.answers)).toBeCloseTo(SHARE, 1);
  });

  it('says worse of one that fails its requests, whom the champion stands in for', () => {
    const { decided } = lives(5_000, (draw) => ({ champion: right(0.9)(draw), canary: true, fails: true }));
    expect(decided?.verdict).toBe('worse');
  });

  it('says not worse after its pairs, and not before', () => {
    const { row, decided } = lives(2_000, (draw) => {
      const both = right(0.85)(draw);
      return { champion: both, canary: draw() < 0.02 ? !both : both };
    });
    expect([row, decided?.verdict]).toEqual([500, 'notWorse']);
  });

  it('is rarely wrong about one that is as good: at most alpha of the time', () => {
    let wrong = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const way = (draw: () => number) => ({ champion: right(0.8)(draw), canary: right(0.8)(draw) });
      if (lives(500, way, 500, seed).decided?.verdict === 'worse') wrong += 1;
    }
    expect(wrong).toBeLessThanOrEqual(2);
  });

  it.each([3, 12, 60, 400])(
    'says nothing by answers alone of one that is as good, where %i entities are unlike and keep their arm',
    (entities) => {
      for (let seed = 1; seed <= 15; seed++) {
        const way = (draw: () => number): Way => {
          const entity = Math.floor(draw() * entities);
          // Every third entity is hard: champion and canary are wrong about it alike, nearly always.
          const both = draw() < (entity % 3 === 0 ? 0.1 : 0.95);
          return { entity: `entity ${entity}`, champion: both, canary: both, unpaired: true };
        };
        expect(lives(2_500, way, 500, seed).decided).toBeUndefined();
      }
    },
  );

  it('counts no answer from before the canary: its labels come late, and would be of the champion alone', () => {
    const easyBefore =
      (row: number) =>
      (draw: () => number): Way => {
        const isBefore = row++ < 3_000;
        const both = draw() < (isBefore ? 0.98 : 0.4);
        return { rollout: isBefore ? 'shadow' : 'r', champion: both, canary: both, unpaired: true };
      };
    expect(lives(6_000, easyBefore(0), 500, 7, 'shadow').decided).toBeUndefined();
  });

  it('keeps the names of the newest rollouts alone, and counts the answers of a canary that began before them', () => {
    let comparison = begin(500);
    for (let n = 1; n <= 200; n++) {
      const started = { rollout: `r${n}`, incumbent: CHAMPION, challengers: [rulesOf(500)] };
      comparison = new RolloutComparison(started, loss.max, comparison);
    }
    expect(comparison.state().rollouts).toHaveLength(64);
    expect(['r200', 'r137', 'r136', 'r'].map((rollout) => comparison.covers(rollout))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    const base = { model: 'm', occurredAt: 1, request: null, features: [], seen: null, fallback: null, shadows: [] };
    const answers = (row: number, rollout: string) => {
      const entity = `of row ${row}`;
      const ofCanary = { version: CANARY, route: 'canary', output: [0.9, 0.1] };
      const ofChampion = { version: CHAMPION, route: 'champion', output: [0.1, 0.9] };
      const answered = routingShare('m', entity) < SHARE ? ofCanary : ofChampion;
      return comparison.observe({ ...base, id: `p${row}`, entity, rollout, ...answered }, 1, loss);
    };
    const decided = Array.from({ length: 1_000 }, (_, row) => answers(row, row % 2 === 0 ? 'r200' : 'r150')).flat();
    expect(decided.map(({ verdict }) => verdict)).toEqual(['worse']);
  });
});

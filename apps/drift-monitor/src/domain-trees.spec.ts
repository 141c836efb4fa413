import { domainClassifier } from '@gyre/drift';
import { mulberry32, trainDomainTrees } from '@gyre/learning';

/** Four features; `apart` makes the second forget the first, though its values stay as they are. */
function rows(count: number, seed: number, apart: boolean): number[] {
  const random = mulberry32(seed);
  return Array.from({ length: count }, () => {
    const first = random();
    return [first, apart ? random() : (first + 0.5) % 1, random() < 0.2 ? NaN : random(), random()];
  }).flat();
}

const domainDrift = (reference: number[], current: number[]) =>
  domainClassifier(reference, current, 4, trainDomainTrees);

describe('a domain classifier of boosted trees', () => {
  it('sees two features come apart that by themselves have not changed, and names them', () => {
    const { rocAuc, pValue, importance } = domainDrift(rows(600, 1, false), rows(600, 2, true));
    expect(rocAuc).toBeGreaterThan(0.75);
    expect(pValue).toBeLessThan(1e-9);
    expect(Math.min(importance[0]!, importance[1]!)).toBeGreaterThan(0.1);
    expect(Math.max(importance[2]!, importance[3]!)).toBeLessThan(0.05);
  });

  it('sees nothing where nothing has changed', () => {
    const p = Array.from(
      { length: 10 },
      (_, i) => domainDrift(rows(200, 10 + i, false), rows(200, 90 + i, false)).pValue,
    );
    expect(p.filter((one) => one < 0.05).length).toBeLessThanOrEqual(2);
  });
});

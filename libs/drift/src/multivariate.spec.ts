import fc from 'fast-check';
import { domainClassifier, type TrainClassifier } from './domain-classifier.js';
import { mulberry32 } from './mulberry32.js';
import { PcaReconstruction } from './pca-reconstruction.js';
import { gauss } from './stream-recipe.js';
import { symmetricEigen } from './symmetric-eigen.js';

const WIDTH = 3;
const SCALES = [10, 1, 1];

/** Three features, the second the first with noise; or, once they have come apart, each with the same distribution by itself. */
function rows(count: number, seed: number, apart = false): number[] {
  const random = mulberry32(seed);
  const normal = () => gauss(random, 0, 1);
  return Array.from({ length: count }, () => {
    const first = normal();
    const second = apart ? normal() : 0.95 * first + Math.sqrt(1 - 0.95 ** 2) * normal();
    return [10 * first, second, normal() + 5];
  }).flat();
}

describe('PcaReconstruction', () => {
  const pca = PcaReconstruction.fit(rows(2000, 1), WIDTH);

  it('finds that features have come apart, where none by itself has changed', () => {
    const { statistic, pValue, referenceError, currentError } = pca.compare(rows(500, 2, true));
    expect(pValue).toBeLessThan(1e-6);
    expect(statistic).toBeGreaterThan(0.2);
    expect(currentError).toBeGreaterThan(1.3 * referenceError);
  });

  it('holds its level: rows of the same kind are rarely told apart', () => {
    const p = Array.from({ length: 100 }, (_, i) => pca.compare(rows(300, 100 + i)).pValue);
    expect(p.filter((one) => one < 0.05).length).toBeLessThan(15);
  });

  it('restored from JSON says the same, and all components leave no error', () => {
    const restored = PcaReconstruction.of(JSON.parse(JSON.stringify(pca.state())));
    expect(restored.errors(rows(50, 4))).toEqual(pca.errors(rows(50, 4)));
    const all = PcaReconstruction.fit(rows(200, 5), WIDTH, { varianceKept: 1 });
    expect(all.components).toBe(WIDTH);
    expect(Math.max(...all.errors(rows(50, 6)))).toBeLessThan(1e-9);
  });

  it('with fewer rows than features says what it says with more, in time that does not grow with the third power of the width', () => {
    const began = performance.now();
    const copies = (some: number[], times: number) =>
      Array.from({ length: some.length / WIDTH }, (_, row) =>
        Array.from({ length: times }, () => some.slice(row * WIDTH, (row + 1) * WIDTH)).flat(),
      ).flat();
    const [reference, current] = [rows(60, 7), rows(40, 8, true)];
    for (const times of [15, 300]) {
      const wide = PcaReconstruction.fit(copies(reference, times), WIDTH * times);
      const narrow = PcaReconstruction.fit(reference, WIDTH);
      expect(wide.components).toBe(narrow.components);
      const errors = narrow.errors(current);
      wide
        .errors(copies(current, times))
        .forEach((error, row) => expect(error / Math.sqrt(times)).toBeCloseTo(errors[row]!, 9));
    }
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('has a number or an error for whatever rows, never NaN', () => {
    const value = fc.oneof(fc.constantFrom(NaN, 0, 1, 1, 5e-324, 1e100), fc.double({ noNaN: true }));
    const table = fc.array(fc.tuple(value, value), { maxLength: 12 }).map((some) => some.flat());
    fc.assert(
      fc.property(table, table, (reference, current) => {
        let found;
        try {
          found = PcaReconstruction.fit(reference, 2).compare(current);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          return;
        }
        for (const number of Object.values(found)) expect(number).not.toBeNaN();
      }),
    );
  });
});

describe('symmetricEigen', () => {
  const random = mulberry32(8);
  const chance = () => random() - 0.5;
  it.each<[string, number, (i: number, j: number) => number]>([
    ['of one entry', 1, chance],
    ['of chance', 6, chance],
    ['of chance, large', 120, chance],
    ['of nothing', 5, () => 0],
    ['that is diagonal', 5, (i, j) => (i === j ? i : 0)],
    ['of three eigenvalues, for the others are rounding', 120, (i, j) => (i % 3 === j % 3 ? 1 : 0.2)],
  ])('gives values and unit vectors that make up a matrix %s', (_, width, entry) => {
    const matrix = new Float64Array(width * width);
    for (let i = 0; i < width; i += 1) {
      for (let j = 0; j <= i; j += 1) matrix[i * width + j] = matrix[j * width + i] = entry(i, j);
    }
    const { values, vectors } = symmetricEigen(matrix.slice(), width);
    expect(values).toEqual([...values].sort((a, b) => b - a));
    let [made, product] = [0, 0];
    for (let i = 0; i < width; i += 1) {
      for (let j = 0; j < width; j += 1) {
        const entryMade = values.reduce((sum, value, k) => sum + value * vectors[k]![i]! * vectors[k]![j]!, 0);
        made = Math.max(made, Math.abs(entryMade - matrix[i * width + j]!));
        const along = vectors[i]!.reduce((sum, one, k) => sum + one * vectors[j]![k]!, 0);
        product = Math.max(product, Math.abs(along - (i === j ? 1 : 0)));
      }
    }
    expect(made).toBeLessThan(1e-12 * width);
    expect(product).toBeLessThan(1e-12);
  });
});

describe('domainClassifier', () => {
  /** Takes the nearer of the two classes' means in each feature. */
  const nearestMean: TrainClassifier = (features, labels, count) => {
    const means = [0, 1].map((label) =>
      Array.from({ length: WIDTH }, (_, f) => {
        const own = Array.from({ length: count }, (_row, row) => row).filter((row) => labels[row] === label);
        return own.reduce((sum, row) => sum + features[row * WIDTH + f]!, 0) / own.length;
      }),
    );
    return (tested, rowsTested) =>
      Array.from({ length: rowsTested }, (_, row) =>
        means[0]!.reduce((sum, mean, f) => {
          const x = tested[row * WIDTH + f]!;
          return sum + ((x - mean) ** 2 - (x - means[1]![f]!) ** 2) / SCALES[f]! ** 2;
        }, 0),
      );
  };

  it('finds a shift and the feature that gives it away', () => {
    const moved = rows(400, 12).map((value, i) => (i % WIDTH === 2 ? value + 1 : value));
    const { rocAuc, pValue, importance } = domainClassifier(rows(400, 11), moved, WIDTH, nearestMean);
    expect(rocAuc).toBeGreaterThan(0.7);
    expect(pValue).toBeLessThan(1e-6);
    expect(importance.indexOf(Math.max(...importance))).toBe(2);
  });

  it('finds the same whether or not the importance is wanted', () => {
    const [reference, current] = [rows(200, 13), rows(200, 14, true)];
    const { importance, ...found } = domainClassifier(reference, current, WIDTH, nearestMean);
    expect(importance).toHaveLength(WIDTH);
    expect(domainClassifier(reference, current, WIDTH, nearestMean, { importance: false })).toEqual({
      ...found,
      importance: [],
    });
  });

  it('holds its level for a classifier that learns by heart', () => {
    const byHeart: TrainClassifier = (features, labels) => {
      const known = new Map(Array.from(labels, (label, row) => [features[row * WIDTH]!, label]));
      return (tested, count) =>
        Array.from({ length: count }, (_, row) => known.get(tested[row * WIDTH]!) ?? tested[row * WIDTH]! % 1);
    };
    const p = Array.from(
      { length: 100 },
      (_, i) => domainClassifier(rows(60, 500 + 2 * i), rows(60, 501 + 2 * i), WIDTH, byHeart).pValue,
    );
    expect(p.filter((one) => one < 0.05).length).toBeLessThan(12);
  });

  it('refuses too few rows and scores that are not one a row', () => {
    expect(() => domainClassifier(rows(3, 1), rows(9, 2), WIDTH, nearestMean)).toThrow(/at least 4 rows/);
    expect(() => domainClassifier(rows(9, 1), rows(9, 2), WIDTH, () => () => [])).toThrow(/scores 8 rows, got 0/);
  });
});

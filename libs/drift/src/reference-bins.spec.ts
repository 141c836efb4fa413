import fc from 'fast-check';
import { BinnedWindow } from './binned-window.js';
import { referenceBins } from './reference-bins.js';
import { streamOf } from './stream-recipe.js';

const rows = fc.array(fc.oneof(fc.double({ noNaN: false }), fc.integer({ min: 0, max: 3 }), fc.constant(null)), {
  minLength: 1,
});
const counted = (edges: number[], sample: Iterable<number | null>) => {
  const window = new BinnedWindow({ edges });
  for (const value of sample) window.add(value);
  return window.state();
};

describe('referenceBins', () => {
  it('gives a continuous feature bins of equal content, and counts missing values apart', () => {
    const sample = streamOf({ seed: 5, segments: [{ kind: 'gauss', n: 1000, mean: 0, sd: 1 }] });
    const { counts, missing, edges } = referenceBins([...sample, null, NaN, null]);
    expect(counts).toEqual(Array.from({ length: 10 }, () => 100));
    expect(missing).toBe(3);
    expect(edges).toHaveLength(9);
  });

  it('gives few distinct values a bin each, with the gaps between them, so that a new value is seen', () => {
    const { edges, counts } = referenceBins([0, 0, 0, 1, 1, 2]);
    expect(counts).toEqual([0, 3, 0, 2, 0, 1, 0]);
    expect(counted(edges, [-1, 0, 0.5, 1, 2, 3, 3]).counts).toEqual([1, 1, 1, 1, 0, 1, 2]);
    expect(referenceBins([7, 7]).counts).toEqual([0, 2, 0]);
    expect(referenceBins([null]).counts).toEqual([0]);
  });

  it('sets a frequent value of a continuous feature apart', () => {
    const sample = [...Array.from({ length: 650 }, () => 0), ...Array.from({ length: 350 }, (_, i) => (i + 1) / 350)];
    const { edges, counts } = referenceBins(sample);
    expect(counts[edges.indexOf(0) + 1]).toBe(650);
    expect(edges).toEqual([...edges].sort((a, b) => a - b));
  });

  it('counts its own sample as the reference does, whatever the sample, and survives JSON', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 2, max: 6 }), fc.integer({ min: 0, max: 3 }), (sample, bins, distinctMax) => {
        const reference = referenceBins(sample, { bins, distinctMax });
        expect(JSON.parse(JSON.stringify(reference))).toEqual(reference);
        expect(counted(reference.edges, sample)).toEqual({ counts: reference.counts, missing: reference.missing });
        expect(new Set(reference.edges).size).toBe(reference.edges.length);
      }),
    );
  });

  it('refuses an empty reference and one bin', () => {
    expect(() => referenceBins([])).toThrow(RangeError);
    expect(() => referenceBins([1, 2], { bins: 1 })).toThrow(RangeError);
  });
});

describe('BinnedWindow', () => {
  it('merges partitions to what one window over all rows holds, in any split and order', () => {
    fc.assert(
      fc.property(rows, fc.array(rows, { maxLength: 4 }), (sample, parts) => {
        const { edges } = referenceBins(sample, { distinctMax: 2, bins: 4 });
        const merged = new BinnedWindow({ edges });
        for (const part of parts.toReversed()) {
          merged.merge(JSON.parse(JSON.stringify(counted(edges, part))) as ReturnType<typeof counted>);
        }
        expect(merged.state()).toEqual(counted(edges, parts.flat()));
        const restored = new BinnedWindow({ edges });
        restored.add(1);
        restored.restore(merged.state());
        expect(restored.state()).toEqual(merged.state());
      }),
    );
  });

  it('refuses the counts of other bins', () => {
    const window = new BinnedWindow({ edges: [0, 1] });
    expect(() => window.merge({ counts: [1, 2], missing: 0 })).toThrow(RangeError);
    expect(() => window.restore({ counts: [1, 2, 3, 4], missing: 0 })).toThrow(RangeError);
    expect(window.state()).toEqual({ counts: [0, 0, 0], missing: 0 });
  });
});

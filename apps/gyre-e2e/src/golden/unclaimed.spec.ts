import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { detectorCases } from './detector-cases.js';
import { sketchCases } from './sketch-cases.js';
import { goldenFiles, type GoldenCase } from './vectors.js';

const still = { seed: 1, segments: [{ kind: 'constant', n: 120, value: 1 }], check: { n: 120, sum: 120 } };
const file = { name: 'some.json', dir: '.', header: { library: 'river' }, cases: [] };
const check = (one: GoldenCase & Record<string, unknown>) => () => {
  const answers = [...detectorCases, ...sketchCases].filter((claim) => claim.claims(one, file));
  expect(answers).toHaveLength(1);
  answers[0]!.check(one, file);
};
const detector = (name: string, expected: Record<string, unknown>, params = {}) =>
  check({ id: name, detector: name, params, stream: still, expected });

describe('what no code looks at fails', () => {
  it('with a detector: a name, or a state after the end of the stream', () => {
    expect(detector('ADWIN', { drift: [] })).not.toThrow();
    expect(detector('ADWIN', { drift: [], n_detections_total: 99 })).toThrow(/nothing claims .* n_detections_total/);
    expect(detector('ADWIN', { drift: [], snapshots: [{ i: 120, width: 1 }] })).toThrow();
  });

  it('with a detector that draws: a detection, a number of tests, a draw, or all of them where it has no seed', () => {
    const seed = { seed: 1 };
    expect(detector('KSWIN', { drift: [], tests_run: 21 }, seed)).not.toThrow();
    expect(detector('KSWIN', { drift: [110] }, seed)).toThrow();
    expect(detector('KSWIN', { drift: [], tests_run: 20 }, seed)).toThrow();
    expect(detector('KSWIN', { drift: [], tests: [{ i: 100, sampled_positions: [] }] }, seed)).toThrow(
      /sampled_positions/,
    );
    expect(detector('KSWIN', { drift: [], tests: [{ i: 98 }] }, seed)).toThrow();
    expect(detector('KSWIN', { drift: [] })).toThrow(/a seed is a whole number/);
  });

  it('with a sketch: a name', () => {
    const sketch = (expected: object, quantile: object) =>
      check({
        id: 'sketch',
        relative_accuracy: 0.01,
        stream: still,
        expected: {
          count: 120,
          min: 1,
          max: 1,
          sum: 120,
          quantiles: { '0.5': { exact_lower: 1, ...quantile } },
          ...expected,
        },
      });
    expect(sketch({}, { numpy_linear: 1 })).not.toThrow();
    expect(sketch({ mean: 1 }, {})).toThrow(/claims .* mean/);
    expect(sketch({}, { exact_upper: 1 })).toThrow(/claims .* exact_upper/);
  });

  it('with a file: a header without cases, but not JSON of another kind', () => {
    const dir = mkdtempSync(join(tmpdir(), 'gyre-golden-'));
    writeFileSync(join(dir, 'a.json'), JSON.stringify({ header: {}, vectors: [{ id: 'x' }] }));
    writeFileSync(join(dir, 'b.json'), JSON.stringify({ about: {} }));
    expect(goldenFiles(dir).map(({ name, cases }) => [name, cases])).toEqual([['a.json', []]]);
  });
});

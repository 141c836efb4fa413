import { QuantileSketch, streamOf, type StreamRecipe } from '@gyre/drift';
import { expectValue, requireClaimed, type Claim, type GoldenCase } from './vectors.js';

interface SketchCase extends GoldenCase {
  relative_accuracy: number;
  stream: StreamRecipe;
  expected: {
    count: number;
    min: number;
    max: number;
    sum: number;
    quantiles: Record<string, { exact_lower: number }>;
  };
}

/** Answers of other libraries, which differ between them. */
const INFORMATION = ['ddsketch_python', 'numpy_linear'];

/**
 * Every quantile within the relative accuracy of the exact one; and the sketches of two halves, merged, the same as one of all. The answers of other
 * libraries are for information.
 */
const quantiles: Claim = {
  claims: (one) => 'relative_accuracy' in one && 'stream' in one && one.expected?.['quantiles'] !== undefined,
  check(golden) {
    const { relative_accuracy: relativeAccuracy, stream, expected } = golden as SketchCase;
    requireClaimed(expected, ['count', 'min', 'max', 'sum', 'quantiles']);
    for (const quantile of Object.values(expected.quantiles)) requireClaimed(quantile, ['exact_lower', ...INFORMATION]);
    const values = streamOf(stream);
    const sketchOf = (rows: number[]) => {
      const sketch = new QuantileSketch({ relativeAccuracy });
      for (const row of rows) sketch.add(row);
      return sketch;
    };
    const merged = sketchOf(values.slice(0, values.length >> 1));
    merged.merge(sketchOf(values.slice(values.length >> 1)).state());
    for (const sketch of [sketchOf(values), merged]) {
      for (const number of ['count', 'min', 'max', 'sum'] as const) {
        expectValue(number, sketch[number], expected[number], { relative: 1e-9, absolute: 1e-12 });
      }
      for (const [q, { exact_lower: exact }] of Object.entries(expected.quantiles)) {
        expectValue(`quantile ${q}`, sketch.quantile(Number(q)), exact, { relative: relativeAccuracy, absolute: 0 });
      }
    }
  },
};

export const sketchCases: Claim[] = [quantiles];

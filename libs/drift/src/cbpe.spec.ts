import { readFileSync } from 'node:fs';
import { calibrationHelps, expectedCalibrationError } from './calibration.js';
import { Cbpe, type CbpeState } from './cbpe.js';
import { MulticlassCbpe, type MulticlassCbpeState } from './cbpe-multiclass.js';
import type { ClassificationMetric, ExpectedConfusion } from './expected-performance.js';
import { mulberry32 } from './mulberry32.js';

/** Estimates of NannyML 0.13.1, made by it. The file's header says how. */
const here = new URL('../testdata/golden/cbpe.json', import.meta.url);
const metrics: Record<string, ClassificationMetric> = {
  accuracy: 'accuracy',
  precision: 'precision',
  recall: 'recall',
  specificity: 'specificity',
  f1: 'f1',
  roc_auc: 'rocAuc',
};
const cells: Record<string, keyof ExpectedConfusion> = {
  tp: 'truePositives',
  fp: 'falsePositives',
  fn: 'falseNegatives',
  tn: 'trueNegatives',
};

type Bounds = Record<'value' | 'sampling_error' | 'lower_confidence_boundary' | 'upper_confidence_boundary', number>;
type Chunk = { start: number; end: number; own_formula: Record<string, number> } & Record<string, Bounds>;
interface Case {
  id: string;
  reference: { p: number[]; y: number[] };
  analysis: { p: number[] };
  needs_calibration: boolean;
  calibrated_analysis_p?: number[];
  expected: { chunks: Chunk[] };
}

describe('golden vectors of NannyML', () => {
  const { cases } = JSON.parse(readFileSync(here, 'utf8')) as { cases: Case[] };

  it.each(cases)('estimates what NannyML estimates, with its errors: $id', (one) => {
    const { reference, analysis, expected } = one;
    const cbpe = Cbpe.fit(reference.p, reference.y, { calibration: one.needs_calibration ? 'always' : 'never' });
    // Ten digits are in the file.
    const believed = one.calibrated_analysis_p ?? analysis.p;
    cbpe.calibrate(analysis.p).forEach((q, row) => expectClose(q, believed[row]!, 0, 1e-9));
    expect(expected.chunks.length).toBeGreaterThan(0);
    for (const chunk of expected.chunks) {
      const p = analysis.p.slice(chunk.start, chunk.end + 1);
      const [estimates, confusion] = [cbpe.estimate(p), cbpe.confusion(p)];
      for (const [theirs, ours] of Object.entries(cells))
        expectClose(confusion[ours], chunk.own_formula[theirs]!, 1e-9);
      for (const [theirs, ours] of Object.entries(metrics)) {
        const found = estimates[ours];
        // NannyML rounds within the ROC AUC, and breaks ties of its spread by the order of a sort.
        const tolerance = theirs === 'roc_auc' ? 1e-6 : 1e-9;
        const ofError = theirs === 'roc_auc' ? 1e-5 : 1e-9;
        expectClose(found.value!, chunk[theirs]!.value, tolerance);
        expectClose(found.samplingError!, chunk[theirs]!.sampling_error, 0, ofError);
        expectClose(found.lower!, chunk[theirs]!.lower_confidence_boundary, 0, 4 * ofError);
        expectClose(found.upper!, chunk[theirs]!.upper_confidence_boundary, 0, 4 * ofError);
      }
    }
  });
});

describe('MulticlassCbpe', () => {
  interface MulticlassCase {
    id: string;
    reference: { p: number[][]; y: number[] };
    analysis: { p: number[][] };
    needs_calibration: boolean[];
    expected: {
      chunks: ({ start: number; end: number } & Record<string, { value: number; sampling_error: number }>)[];
    };
  }
  const vectors = new URL('../testdata/cbpe-multiclass.json', import.meta.url);
  const { cases } = JSON.parse(readFileSync(vectors, 'utf8')) as { cases: MulticlassCase[] };

  it.each(cases)('estimates what NannyML estimates: $id', ({ reference, analysis, needs_calibration, expected }) => {
    const calibration = needs_calibration.map((needed) => (needed ? 'always' : 'never'));
    const fitted = MulticlassCbpe.fit(reference.p.flat(), reference.y, 3, { calibration });
    const cbpe = MulticlassCbpe.restored(JSON.parse(JSON.stringify(fitted.state())) as MulticlassCbpeState);
    for (const chunk of expected.chunks) {
      const estimates = cbpe.estimate(analysis.p.slice(chunk.start, chunk.end + 1).flat());
      for (const [theirs, ours] of Object.entries(metrics)) {
        const { value, sampling_error: error } = chunk[theirs]!;
        expectClose(estimates[ours].value!, value, theirs === 'roc_auc' ? 5e-6 : 1e-9);
        if (theirs !== 'f1') expectClose(estimates[ours].samplingError!, error, 0, theirs === 'roc_auc' ? 1e-5 : 1e-9);
      }
    }
  });
});

describe('Cbpe', () => {
  it('calibrates overconfident probabilities, and leaves alone what it cannot learn from', () => {
    const { p, y } = rows(4_000, 3);
    const overconfident = p.map((q) => q ** 3 / (q ** 3 + (1 - q) ** 3));
    expect(calibrationHelps(overconfident, y)).toBe(true);
    expect([calibrationHelps(p.slice(0, 19), y.slice(0, 19)), calibrationHelps(y, y)]).toEqual([false, false]);
    expect(expectedCalibrationError(overconfident, y)).toBeGreaterThan(0.1);
    const cbpe = Cbpe.fit(overconfident, y);
    expect(expectedCalibrationError(cbpe.calibrate(overconfident), y)).toBeLessThan(0.01);
  });

  it('foresees what a shift of the inputs does to the accuracy, within its interval', () => {
    const [reference, chunk] = [rows(5_000, 1), rows(2_000, 2, 0.7)];
    const estimate = Cbpe.fit(reference.p, reference.y).estimate(chunk.p).accuracy;
    const realised = chunk.p.filter((p, row) => Number(p >= 0.5) === chunk.y[row]).length / chunk.p.length;
    const before = reference.p.filter((p, row) => Number(p >= 0.5) === reference.y[row]).length / reference.p.length;
    expect(realised - before).toBeGreaterThan(0.05);
    expect(estimate.lower! <= realised && realised <= estimate.upper!).toBe(true);
    expect(Math.abs(estimate.value! - realised)).toBeLessThan(0.02);
  });

  it('goes on from its state, as JSON', () => {
    const { p, y } = rows(200, 4);
    const cbpe = Cbpe.fit(p, y, { calibration: 'always', threshold: 0.3 });
    const again = Cbpe.restored(JSON.parse(JSON.stringify(cbpe.state())) as CbpeState);
    expect(again.estimate(p)).toEqual(cbpe.estimate(p));
  });

  it('lets equal scores share their ranks', () => {
    const tied = Cbpe.fit([0.1, 0.1, 0.1, 0.2], [1, 0, 0, 1], { calibration: 'never' }).estimate([0.1, 0.1, 0.1, 0.2]);
    // The positives rank above a half and all of the negatives.
    expect(tied.rocAuc.samplingError).toBeCloseTo(0.25 / Math.SQRT2, 12);
  });

  it('says what is undefined instead of dividing by nothing', () => {
    const never = Cbpe.fit([0.1, 0.2, 0.3], [0, 0, 0]).estimate([0.1]);
    expect(never.precision).toEqual({ value: null, samplingError: null, lower: null, upper: null });
    expect(never.accuracy.value).toBeCloseTo(0.9, 12);
    const certain = Cbpe.fit([0, 1], [0, 1]).estimate([1, 1]);
    expect([certain.rocAuc.value, certain.specificity.value, certain.recall.value]).toEqual([null, null, 1]);
  });

  it.each([
    [() => Cbpe.fit([], []), /at least one row/],
    [() => Cbpe.fit([0.5], [1, 0]), /1 probabilities have as many labels, got 2/],
    [() => Cbpe.fit([0.5, 1.2], [1, 0]), /row 1 lies in \[0, 1\], got 1.2/],
    [() => Cbpe.fit([0.5, 0.2], [1, NaN]), /label of row 1 is 0 or 1/],
    [() => Cbpe.fit([0.5], [1]).estimate([NaN]), /row 0 lies in/],
    [() => MulticlassCbpe.fit([0.5, 0.5, 0.5], [1], 2), /shape \[rows, 2\]/],
    [() => MulticlassCbpe.fit([0.5, 0.6], [1], 2), /row 0 sum to 1/],
    [() => MulticlassCbpe.fit([0.5, 0.5], [2], 2), /row 0 is a class index below 2, got 2/],
  ])('refuses what makes no sense: %#', (act, message) => {
    expect(act).toThrow(message);
    expect(act).toThrow(RangeError);
  });
});

/** Probabilities and labels that follow them; `sure` moves the probabilities away from 0.5. */
function rows(count: number, seed: number, sure = 0): { p: number[]; y: number[] } {
  const draw = mulberry32(seed);
  const p = Array.from({ length: count }, () => {
    const u = draw();
    return sure === 0 ? u : u < 0.5 ? u * (1 - sure) : 1 - (1 - u) * (1 - sure);
  });
  return { p, y: p.map((q) => Number(draw() < q)) };
}

function expectClose(got: number, wanted: number, relative: number, absolute = 1e-12): void {
  if (!(Math.abs(got - wanted) <= relative * Math.abs(wanted) + absolute)) throw new Error(`${got} is not ${wanted}`);
}

import { requireOption } from './detector.js';
import { kolmogorovSmirnov } from './kolmogorov-smirnov.js';
import { NumericPair } from './numeric-pair.js';
import { principalComponents } from './principal-components.js';

export interface PcaReconstructionOptions {
  /** Share of the variance that the kept components explain, in (0, 1]; default 0.65, as NannyML has it. */
  varianceKept?: number;
  /** Errors of reference rows kept to compare with, an integer of at least 2; default 1,000. */
  errorsMax?: number;
}

/** What it is saved as: plain JSON. */
export interface PcaReconstructionState {
  mean: number[];
  /** Standard deviations; 1 where a feature does not vary. */
  scale: number[];
  /** Unit vectors over the standardised features, those of the largest variance first. */
  components: number[][];
  /** Of reference rows that the components were not fitted to, rising. */
  errors: number[];
}

export interface ReconstructionDrift {
  /** Mean error of the reference rows kept, and of the current rows. */
  referenceError: number;
  currentError: number;
  /** The largest gap between the distributions of errors, and its p-value. */
  statistic: number;
  pValue: number;
}

/**
 * Multivariate drift by principal components. Rows that break the reference's correlations are reconstructed worse, or too well, from a few components:
 * even where no feature by itself has changed.
 *
 * Features are standardised, missing ones take the mean. The components are fitted to every second reference row; the errors of the others are what
 * current errors are compared with, so that fitting does not flatter the reference. O(rows · width · m + m³) to fit, for m the smaller of
 * width and half the rows.
 *
 * @see NannyML, data reconstruction with PCA; J. E. Jackson, G. Mudholkar (1979), Control Procedures for Residuals Associated with Principal
 * Component Analysis, Technometrics 21:341-349
 */
export class PcaReconstruction {
  private constructor(private readonly fitted: PcaReconstructionState) {}

  /**
   * @param features row-major of shape [rows, width]; NaN is missing, all else finite
   * @throws RangeError unless there are 4 rows of the width and some feature varies
   */
  static fit(
    features: ArrayLike<number>,
    width: number,
    { varianceKept = 0.65, errorsMax = 1000 }: PcaReconstructionOptions = {},
  ): PcaReconstruction {
    requireOption(varianceKept > 0 && varianceKept <= 1, 'PCA: varianceKept lies in (0, 1]', varianceKept);
    requireOption(Number.isInteger(errorsMax) && errorsMax >= 2, 'PCA: errorsMax is at least 2', errorsMax);
    const rows = rowsOf(features, width);
    requireOption(rows >= 4, 'PCA: a reference has at least 4 rows', rows);
    const { mean, scale } = momentsOf(features, width, rows);
    const centred = new Float64Array(((rows + 1) >> 1) * width);
    for (let row = 0; row < rows; row += 2) {
      centred.set(standardised(features, row, width, mean, scale), (row >> 1) * width);
    }
    const { values, vectors } = principalComponents(centred, width);
    const all = values.reduce((sum, value) => sum + Math.max(0, value), 0);
    requireOption(all > 0, 'PCA: a reference has a feature that varies; variance', all);
    let explained = 0;
    const components = vectors.filter((_, i) => {
      const wanted = explained < varianceKept * all * (1 - 1e-12);
      explained += Math.max(0, values[i]!);
      return wanted;
    });
    const fitted = { mean, scale, components: components.map((one) => Array.from(one)), errors: [] };
    const held = Float64Array.from({ length: rows >> 1 }, (_, i) => errorOf(fitted, features, 2 * i + 1)).sort();
    const kept = Math.min(held.length, errorsMax);
    const errors = Array.from({ length: kept }, (_, i) => held[Math.floor(((i + 0.5) * held.length) / kept)]!);
    return new PcaReconstruction({ ...fitted, errors });
  }

  /**
   * Whether a reference can be fitted: some feature has two values among the rows, every second, that the components are fitted to.
   * @param features as for `fit`
   */
  static varies(features: ArrayLike<number>, width: number): boolean {
    const first = new Float64Array(width).fill(NaN);
    for (let row = 0; row * width < features.length; row += 2) {
      for (let f = 0; f < width; f += 1) {
        const value = features[row * width + f]!;
        if (value !== value || value === first[f]) continue;
        if (first[f] === first[f]) return true;
        first[f] = value;
      }
    }
    return false;
  }

  /** How many components are kept. */
  get components(): number {
    return this.fitted.components.length;
  }

  /**
   * Of each row, the distance between the standardised features and what the components say of them.
   *
   * @param features row-major of shape [rows, width]; NaN is missing, all else finite
   */
  errors(features: ArrayLike<number>): Float64Array {
    const rows = rowsOf(features, this.fitted.mean.length);
    return Float64Array.from({ length: rows }, (_, row) => errorOf(this.fitted, features, row));
  }

  /**
   * Whether current rows are reconstructed as the reference's were.
   *
   * @throws RangeError without a row
   */
  compare(current: ArrayLike<number>): ReconstructionDrift {
    const pair = NumericPair.of(this.fitted.errors, this.errors(current));
    const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const { statistic, pValue } = kolmogorovSmirnov(pair);
    return {
      referenceError: mean(pair.reference.values),
      currentError: mean(pair.current.values),
      statistic,
      pValue,
    };
  }

  state(): PcaReconstructionState {
    return structuredCopy(this.fitted);
  }

  static of(state: PcaReconstructionState): PcaReconstruction {
    return new PcaReconstruction(structuredCopy(state));
  }
}

/** What is left of a row beneath this share of its length is rounding, which differs from row to row for no reason. */
const ROUNDING = 1e-9;

function structuredCopy({ mean, scale, components, errors }: PcaReconstructionState): PcaReconstructionState {
  return {
    mean: [...mean],
    scale: [...scale],
    components: components.map((component) => [...component]),
    errors: [...errors],
  };
}

function rowsOf(features: ArrayLike<number>, width: number): number {
  requireOption(Number.isInteger(width) && width >= 1, 'PCA: a row has at least one feature', width);
  requireOption(features.length % width === 0, `PCA: rows of ${width} features`, `${features.length} values`);
  for (let i = 0; i < features.length; i += 1) {
    const value = features[i]!;
    if (Math.abs(value) > 1e100)
      throw new RangeError(`PCA takes magnitudes up to 1e100, got ${value} in row ${Math.floor(i / width)}`);
  }
  return features.length / width;
}

function momentsOf(features: ArrayLike<number>, width: number, rows: number): { mean: number[]; scale: number[] } {
  const mean: number[] = [];
  const scale: number[] = [];
  for (let f = 0; f < width; f += 1) {
    let n = 0;
    let centre = 0;
    let spread = 0;
    for (let row = 0; row < rows; row += 2) {
      const value = features[row * width + f]!;
      if (value !== value) continue;
      n += 1;
      const distance = value - centre;
      centre += distance / n;
      spread += distance * (value - centre);
    }
    mean.push(centre);
    const deviation = Math.sqrt(spread / Math.max(1, n));
    scale.push(deviation > 0 ? deviation : 1);
  }
  return { mean, scale };
}

function standardised(
  features: ArrayLike<number>,
  row: number,
  width: number,
  mean: readonly number[],
  scale: readonly number[],
): Float64Array {
  return Float64Array.from({ length: width }, (_, f) => {
    const value = features[row * width + f]!;
    return value === value ? (value - mean[f]!) / scale[f]! : 0;
  });
}

function errorOf(
  { mean, scale, components }: PcaReconstructionState,
  features: ArrayLike<number>,
  row: number,
): number {
  const z = standardised(features, row, mean.length, mean, scale);
  const rest = z.slice();
  for (const component of components) {
    let along = 0;
    for (let f = 0; f < z.length; f += 1) along += z[f]! * component[f]!;
    for (let f = 0; f < z.length; f += 1) rest[f]! -= along * component[f]!;
  }
  const left = Math.sqrt(rest.reduce((sum, value) => sum + value * value, 0));
  const length = Math.sqrt(z.reduce((sum, value) => sum + value * value, 0));
  return left > ROUNDING * length ? left : 0;
}

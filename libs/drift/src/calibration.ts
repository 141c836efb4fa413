import { heightAt, isotonicRegression, type IsotonicCurve } from './isotonic.js';
import { expectedRocAuc } from './expected-performance.js';

const FOLDS = 10;
const BINS = 10;
/** A ranking as good as this leaves a calibration nothing to learn from. */
const SEPARATED = 0.999;

/** When probabilities are calibrated on the reference before they are believed: `auto` asks `calibrationHelps`. */
export type CalibrationPolicy = 'auto' | 'always' | 'never';

/** The isotonic calibration of the probabilities, or null where they are better left as they are. */
export function calibrationOf(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  policy: CalibrationPolicy,
): IsotonicCurve | null {
  if (policy === 'never' || (policy === 'auto' && !calibrationHelps(probabilities, labels))) return null;
  return isotonicRegression(probabilities, labels);
}

/** The probabilities after calibration. */
export function calibrated(curve: IsotonicCurve | null, probabilities: ArrayLike<number>): Float64Array {
  return Float64Array.from(probabilities, (p) => (curve === null ? p : heightAt(curve, p)));
}

/**
 * Whether isotonic calibration lowers the expected calibration error on rows that it has not seen: ten stratified folds, ten bins of equal
 * content. It cannot where there is one class only, too few rows to bin, or the classes do not overlap.
 *
 * The folds take every tenth row of each class. NannyML draws its ten splits at random with a fixed seed; where the two errors are close, the
 * decisions can differ.
 */
export function calibrationHelps(probabilities: ArrayLike<number>, labels: ArrayLike<number>): boolean {
  const rows = labels.length;
  const auc = expectedRocAuc(labels, probabilities);
  if (auc === null || auc > SEPARATED || rows < 2 * FOLDS) return false;
  const fold = foldsOf(labels);
  const after = new Float64Array(rows);
  for (let k = 0; k < FOLDS; k += 1) {
    const train = Array.from(fold.keys()).filter((row) => fold[row] !== k);
    const curve = isotonicRegression(
      train.map((row) => probabilities[row]!),
      train.map((row) => labels[row]!),
    );
    for (let row = 0; row < rows; row += 1) if (fold[row] === k) after[row] = heightAt(curve, probabilities[row]!);
  }
  return expectedCalibrationError(probabilities, labels) > expectedCalibrationError(after, labels);
}

/** Mean gap between probability and share of positives, over bins of equal content by probability, weighted by their rows. */
export function expectedCalibrationError(probabilities: ArrayLike<number>, labels: ArrayLike<number>): number {
  const rows = labels.length;
  const bins = Math.min(BINS, Math.max(1, Math.floor(rows / 2)));
  const width = Math.floor(rows / bins);
  const order = Uint32Array.from(labels, (_, row) => row).sort((a, b) => probabilities[a]! - probabilities[b]!);
  let error = 0;
  for (let bin = 0; bin < bins; bin += 1) {
    const members = order.subarray(bin * width, bin === bins - 1 ? rows : (bin + 1) * width);
    error += Math.abs(members.reduce((sum, row) => sum + probabilities[row]! - labels[row]!, 0));
  }
  return error / rows;
}

function foldsOf(labels: ArrayLike<number>): Uint8Array {
  const seen = [0, 0];
  return Uint8Array.from(labels, (label) => seen[label]!++ % FOLDS);
}

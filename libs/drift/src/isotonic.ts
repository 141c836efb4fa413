import { requireOption } from './detector.js';

/** A rising piecewise linear curve as its corners; flat before the first and after the last. Plain JSON. */
export interface IsotonicCurve {
  /** Rising, at least one. */
  x: number[];
  /** Never falling, one for each x. */
  y: number[];
}

/**
 * Isotonic regression: the never-falling curve with the least squared error, such as the calibration of a classifier's scores.
 * Ties in x are averaged first. O(n log n).
 *
 * @param x finite numbers, at least one
 * @param y finite numbers, as many
 * @throws RangeError if the lengths differ, there is no row or a value is not finite
 * @see M. Ayer et al. (1955), Annals of Mathematical Statistics 26:641-647 (pool adjacent violators). Between corners linear, outside
 * clipped, as scikit-learn's `IsotonicRegression(out_of_bounds='clip')` has it.
 */
export function isotonicRegression(x: ArrayLike<number>, y: ArrayLike<number>): IsotonicCurve {
  requireOption(
    x.length > 0 && x.length === y.length,
    `isotonicRegression: x and y have the same rows, 1 or more`,
    `${x.length} and ${y.length}`,
  );
  const order = Array.from(x, (_, row) => row).sort((a, b) => x[a]! - x[b]!);
  const points = distinct(x, y, order);
  // Blocks of equal height: how many points each holds, its mean and its rows.
  const blocks: { points: number; mean: number; rows: number }[] = [];
  for (const point of points) {
    let block = { points: 1, mean: point.mean, rows: point.rows };
    for (let last = blocks.at(-1); last !== undefined && last.mean >= block.mean; last = blocks.at(-1)) {
      const rows = last.rows + block.rows;
      block = {
        points: last.points + block.points,
        mean: (last.mean * last.rows + block.mean * block.rows) / rows,
        rows,
      };
      blocks.pop();
    }
    blocks.push(block);
  }
  const curve: IsotonicCurve = { x: [], y: [] };
  let at = 0;
  for (const { points: width, mean } of blocks) {
    curve.x.push(points[at]!.x);
    curve.y.push(mean);
    if (width > 1) {
      curve.x.push(points[at + width - 1]!.x);
      curve.y.push(mean);
    }
    at += width;
  }
  return curve;
}

/** The curve's height at a finite x. */
export function heightAt({ x, y }: IsotonicCurve, at: number): number {
  let low = 0;
  let high = x.length - 1;
  if (at <= x[low]!) return y[low]!;
  if (at >= x[high]!) return y[high]!;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (x[middle]! <= at) low = middle;
    else high = middle;
  }
  const share = (at - x[low]!) / (x[high]! - x[low]!);
  return y[low]! + share * (y[high]! - y[low]!);
}

function distinct(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  order: readonly number[],
): { x: number; mean: number; rows: number }[] {
  const points: { x: number; mean: number; rows: number }[] = [];
  for (const row of order) {
    const [at, height] = [x[row]!, y[row]!];
    requireOption(
      Number.isFinite(at) && Number.isFinite(height),
      `isotonicRegression: row ${row} is finite`,
      `${at}, ${height}`,
    );
    const last = points.at(-1);
    if (last?.x !== at) points.push({ x: at, mean: height, rows: 1 });
    else last.mean += (height - last.mean) / (last.rows += 1);
  }
  return points;
}

import { requireOption } from './detector.js';

export interface SeasonOptions {
  /** A period is reported where chance alone would show one so plainly in at most this share of all samples; in (0, 1), default 0.001. */
  alpha?: number;
}

export interface Season {
  /** In the unit of the times. */
  period: number;
  /** How far the period may lie off, by how many cycles there are. */
  resolution: number;
  /** The column that shows it most plainly. */
  column: number;
  /** Share of that column's variance, beside a straight trend, that the phases of the one half explain of the other. */
  explained: number;
  /** Of the peak of the periodogram, corrected for all frequencies and columns. */
  pValue: number;
}

const ROWS_MIN = 64;
const SLOTS_MAX = 4096;
const CYCLES_MIN = 6;
const SLOTS_PER_PERIOD_MIN = 4;
const EXPLAINED_MIN = 0.05;
const PHASES = 12;
/** Neighbours that a peak is compared with. */
const AROUND_MAX = 96;
/** A longer period of which this one is a part must explain so much more. */
const LONGER_GAIN = 1.1;

/**
 * The period after which the columns of a sample look alike, if there is one.
 *
 * Each column is averaged in even slots of time and freed of its trend; the peak of its tapered periodogram is compared with the median of its
 * neighbours (half to one and a half times its frequency), for their ratio is about exponential by chance and the power of wandering series falls with the
 * frequency. A peak that passes must also predict: the means of twelve phases in the first half of the sample explain part of the second. Where the
 * peak is a harmonic, the multiple that explains most is the period. At least six cycles must lie in the sample.
 *
 * O(width · n log n), n at most 4,096.
 *
 * @param times of shape [rows], rising
 * @param features row-major of shape [rows, width]; NaN is missing
 * @returns null where there is none, or too little to say
 * @throws RangeError if the shapes do not fit
 * @see R. A. Fisher (1929), Tests of significance in harmonic analysis, Proc. R. Soc. A 125:54-59, for the test of the largest ordinate; M. B. Priestley (1981),
 * Spectral Analysis and Time Series, for tapering and for backgrounds that are not white.
 */
export function findSeason(
  times: ArrayLike<number>,
  features: ArrayLike<number>,
  width: number,
  { alpha = 0.001 }: SeasonOptions = {},
): Season | null {
  const rows = times.length;
  requireOption(alpha > 0 && alpha < 1, 'findSeason: alpha lies in (0, 1)', alpha);
  requireOption(features.length === rows * width, `findSeason: ${rows} rows of ${width} features`, features.length);
  const slots = slotsOf(times);
  if (slots === null) return null;
  const series = Array.from({ length: width }, (_, f) => columnIn(slots, features, width, f));
  const shown = series.flatMap((values, column) => (values === null ? [] : [{ values, column }]));
  let best: Peak | undefined;
  for (const { values } of shown) {
    const peak = peakOf(values, alpha / shown.length);
    if (peak !== undefined && (best === undefined || peak.power > best.power)) best = peak;
  }
  if (best === undefined) return null;
  const { count, width: slot } = slots;
  const peak = refined(shown, best.size / best.bin, count);
  const candidates = [1, 2, 3, 4, 5, 7]
    .map((times) => peak * times)
    .filter((period) => period * CYCLES_MIN <= count * (1 + 1e-9))
    .map((period) => ({ period, ...explainedBy(shown, period) }));
  let found = candidates[0];
  for (const one of candidates) if (one.total > LONGER_GAIN * found!.total) found = one;
  if (found === undefined || found.explained < EXPLAINED_MIN) return null;
  const resolution = (found.period / count) * found.period * slot;
  const { column, explained } = found;
  return { period: found.period * slot, resolution, column, explained, pValue: best.pValue * shown.length };
}

interface Slots {
  start: number;
  width: number;
  count: number;
  times: ArrayLike<number>;
}

interface Shown {
  values: Float64Array;
  column: number;
}

interface Peak {
  /** Its frequency is bin / size, in cycles per slot. */
  bin: number;
  size: number;
  power: number;
  pValue: number;
}

/** Even slots as wide as rows usually lie apart; null where too few rows, or no time, lie between the first and the last. */
function slotsOf(times: ArrayLike<number>): Slots | null {
  const rows = times.length;
  if (rows < ROWS_MIN) return null;
  const start = times[0]!;
  const span = times[rows - 1]! - start;
  const gaps = Float64Array.from({ length: rows - 1 }, (_, i) => times[i + 1]! - times[i]!);
  requireOption(
    gaps.every((gap) => gap >= 0),
    'findSeason: times rise; smallest step',
    gaps.reduce((a, b) => Math.min(a, b), Infinity),
  );
  const usual = gaps.sort()[rows >> 1]!;
  if (!(span > 0) || !(span < Infinity)) return null;
  const width = Math.max(usual, span / (SLOTS_MAX - 1));
  const count = Math.floor(span / width + 1e-9) + 1;
  return count < ROWS_MIN ? null : { start, width, count, times };
}

/** The means of a column by slot, without their straight trend, of variance 1; slots without a value are 0. Null for a column that does not vary. */
function columnIn(
  { start, width: slot, count, times }: Slots,
  features: ArrayLike<number>,
  width: number,
  f: number,
): Float64Array | null {
  const sums = new Float64Array(count);
  const rows = new Float64Array(count);
  for (let row = 0; row < times.length; row += 1) {
    const value = features[row * width + f]!;
    if (!Number.isFinite(value)) continue;
    const at = Math.min(count - 1, Math.floor((times[row]! - start) / slot + 0.5));
    sums[at]! += value;
    rows[at]! += 1;
  }
  let [n, x, y, xx, xy] = [0, 0, 0, 0, 0];
  for (let i = 0; i < count; i += 1) {
    if (rows[i] === 0) continue;
    const value = sums[i]! / rows[i]!;
    n += 1;
    x += i;
    y += value;
    xx += i * i;
    xy += i * value;
  }
  if (n < ROWS_MIN) return null;
  const slope = (n * xy - x * y) / (n * xx - x * x);
  const base = (y - slope * x) / n;
  const values = Float64Array.from(sums, (sum, i) => (rows[i] === 0 ? 0 : sum / rows[i]! - base - slope * i));
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / n);
  if (!(deviation > 1e-12 * Math.max(1, Math.abs(y / n)))) return null;
  return values.map((value) => value / deviation);
}

/** The largest of the ordinates that stand out of their neighbours as chance would let one do in at most `pMax` of all series. */
function peakOf(values: Float64Array, pMax: number): Peak | undefined {
  const count = values.length;
  const power = periodogram(values);
  const size = 2 * power.length;
  const perCycle = size / count;
  const first = Math.ceil(CYCLES_MIN * perCycle);
  const last = Math.floor(size / SLOTS_PER_PERIOD_MIN);
  const around = new Float64Array(AROUND_MAX);
  let best: Peak | undefined;
  for (let k = first; k <= last; k += 1) {
    if (power[k]! <= (best?.power ?? 0) || power[k]! < (power[k - 1] ?? 0) || power[k]! < (power[k + 1] ?? 0)) continue;
    // The peak itself is as broad as the taper makes it.
    const near = 2 * perCycle;
    const reach = Math.max(k / 2, 4 * perCycle);
    const step = Math.max(1, Math.ceil(reach / (AROUND_MAX / 2)));
    let found = 0;
    for (let j = Math.max(1, Math.floor(k - reach)); j <= Math.min(power.length - 1, k + reach); j += step)
      if (Math.abs(j - k) > near && found < AROUND_MAX) around[found++] = power[j]!;
    const median = around.subarray(0, found).sort()[found >> 1] ?? 0;
    // A series that is nothing but its season has no background at all; rounding keeps it from zero.
    const ratio = power[k]! / Math.max(median / Math.LN2, 1e-9);
    // A background that is itself estimated, from so many independent neighbours, makes the tail of the ratio heavier.
    const neighbours = Math.max(1, (reach - near) / perCycle);
    const pValue = count * Math.exp(-neighbours * Math.log1p(ratio / neighbours));
    if (pValue <= pMax) best = { bin: k, size, power: power[k]!, pValue };
  }
  return best;
}

/** Squared amplitudes of the tapered (Hann) and padded series at the frequencies k / size, k from 0 to below size / 2. */
function periodogram(values: Float64Array): Float64Array {
  const count = values.length;
  let size = 2;
  while (size < count) size *= 2;
  const real = new Float64Array(size);
  const imaginary = new Float64Array(size);
  for (let i = 0; i < count; i += 1) real[i] = values[i]! * (0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / count));
  transform(real, imaginary);
  return Float64Array.from({ length: size / 2 }, (_, k) => (real[k]! ** 2 + imaginary[k]! ** 2) / count);
}

/** The discrete Fourier transform in place; the size is a power of two (Cooley and Tukey 1965). */
function transform(real: Float64Array, imaginary: Float64Array): void {
  const size = real.length;
  for (let i = 1, j = 0; i < size; i += 1) {
    let bit = size >> 1;
    for (; (j & bit) !== 0; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j]!, real[i]!];
      [imaginary[i], imaginary[j]] = [imaginary[j]!, imaginary[i]!];
    }
  }
  for (let length = 2; length <= size; length *= 2) {
    const half = length / 2;
    for (let k = 0; k < half; k += 1) {
      const angle = (-2 * Math.PI * k) / length;
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      for (let from = k; from < size; from += length) {
        const to = from + half;
        const r = real[to]! * cos - imaginary[to]! * sin;
        const i = real[to]! * sin + imaginary[to]! * cos;
        real[to] = real[from]! - r;
        imaginary[to] = imaginary[from]! - i;
        real[from]! += r;
        imaginary[from]! += i;
      }
    }
  }
}

/** The period around this one that explains most, to a fortieth of what the number of cycles resolves. */
function refined(shown: readonly Shown[], period: number, count: number): number {
  const reach = (period / count) * period;
  let [best, most] = [period, -Infinity];
  for (let i = -40; i <= 40; i += 1) {
    const tried = period + (i / 40) * reach;
    const power = shown.reduce((sum, { values }) => sum + powerAt(values, tried), 0);
    if (power > most) [best, most] = [tried, power];
  }
  return best;
}

function powerAt(values: Float64Array, period: number): number {
  let [real, imaginary] = [0, 0];
  for (let i = 0; i < values.length; i += 1) {
    real += values[i]! * Math.cos((2 * Math.PI * i) / period);
    imaginary += values[i]! * Math.sin((2 * Math.PI * i) / period);
  }
  return real * real + imaginary * imaginary;
}

/** What the phases of the first half explain of the second: of all columns together, and of the one that shows it best. */
function explainedBy(shown: readonly Shown[], period: number): { total: number; explained: number; column: number } {
  let [total, explained, column] = [0, -Infinity, 0];
  for (const one of shown) {
    const share = explainedOf(one.values, period);
    total += Math.max(0, share);
    if (share > explained) [explained, column] = [share, one.column];
  }
  return { total, explained, column };
}

function explainedOf(values: Float64Array, period: number): number {
  const half = values.length >> 1;
  const sums = new Float64Array(PHASES);
  const counts = new Float64Array(PHASES);
  const phase = (i: number) => Math.min(PHASES - 1, Math.floor(((i % period) / period) * PHASES));
  let mean = 0;
  for (let i = 0; i < half; i += 1) {
    sums[phase(i)]! += values[i]!;
    counts[phase(i)]! += 1;
    mean += values[i]! / half;
  }
  const rest = values.length - half;
  let level = 0;
  for (let i = half; i < values.length; i += 1) level += values[i]! / rest;
  let [all, left] = [0, 0];
  for (let i = half; i < values.length; i += 1) {
    const p = phase(i);
    const expected = counts[p] === 0 ? 0 : sums[p]! / counts[p]! - mean;
    all += (values[i]! - level) ** 2;
    left += (values[i]! - level - expected) ** 2;
  }
  return all === 0 ? 0 : 1 - left / all;
}

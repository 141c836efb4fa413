import { countBetween, type LevelPair, type NumericPair } from '@gyre/drift';

/** Shares of the rows with a value, side by side. */
export interface Histogram {
  /** Numbers: one more edge than bins; values beyond the outer edges are counted in the outer bins. Levels: null. */
  edges: number[] | null;
  /** Levels: one for each bar. Numbers: null. */
  levels: string[] | null;
  reference: number[];
  current: number[];
}

const BINS = 30;
/** So much of both samples lies beyond the drawn range, on each side: a single outlier would leave one bar. */
const BEYOND = 0.005;
const BARS_MAX = 12;

export function numericHistogram({ reference, current }: NumericPair): Histogram {
  const [first, second] = [reference.values, current.values];
  let low = Math.min(at(first, BEYOND), at(second, BEYOND));
  let high = Math.max(at(first, 1 - BEYOND), at(second, 1 - BEYOND));
  if (!(high > low)) [low, high] = [Math.min(first[0]!, second[0]!), Math.max(first.at(-1)!, second.at(-1)!)];
  if (!(high > low)) [low, high] = [low - 0.5, high + 0.5];
  const edges = edgesBetween(low, high, isWhole(first) && isWhole(second));
  const shares = (values: Float64Array) => countBetween(edges, values).map((count) => count / values.length);
  return { edges, levels: null, reference: shares(first), current: shares(second) };
}

/** Bins of equal width; whole numbers get whole ones, or some bins would hold more of them than others. */
function edgesBetween(low: number, high: number, whole: boolean): number[] {
  if (!whole) return Array.from({ length: BINS + 1 }, (_, i) => low + (high - low) * (i / BINS));
  const width = Math.ceil((high - low + 1) / BINS);
  return Array.from({ length: Math.ceil((high - low + 1) / width) + 1 }, (_, i) => low - 0.5 + i * width);
}

function isWhole(values: Float64Array): boolean {
  return values.every((value) => Number.isSafeInteger(value));
}

/** @param byShare whether the bars stand by how frequent they are, or in the order of the levels */
export function levelHistogram({ levels, reference, current }: LevelPair, byShare: boolean): Histogram {
  const shares = (counts: number[]) => {
    const all = counts.reduce((sum, count) => sum + count, 0);
    return counts.map((count) => count / all);
  };
  const [before, now] = [shares(reference), shares(current)];
  const weight = (i: number) => before[i]! + now[i]!;
  let bars = levels.map((_, i) => i);
  if (byShare || bars.length > BARS_MAX) bars = bars.sort((a, b) => weight(b) - weight(a));
  const kept = bars.length > BARS_MAX ? bars.slice(0, BARS_MAX - 1) : bars;
  if (!byShare) kept.sort((a, b) => a - b);
  const rest = bars.filter((i) => !kept.includes(i));
  const drawn = (side: number[]) => [
    ...kept.map((i) => side[i]!),
    ...(rest.length === 0 ? [] : [rest.reduce((sum, i) => sum + side[i]!, 0)]),
  ];
  const names = [...kept.map((i) => levels[i]!), ...(rest.length === 0 ? [] : [`${rest.length} more`])];
  return { edges: null, levels: names, reference: drawn(before), current: drawn(now) };
}

function at(sorted: Float64Array, share: number): number {
  return sorted[Math.round(share * (sorted.length - 1))]!;
}

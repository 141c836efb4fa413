import {
  fisherExact,
  levelPair,
  NumericPair,
  twoProportions,
  twoSampleTest,
  type LevelPair,
  type TwoSampleResult,
} from '@gyre/drift';
import { cellNumber, TEXT } from './decimal.js';
import { levelHistogram, numericHistogram, type Histogram } from './histogram.js';
import type { NestedColumn } from './column.js';
import type { PreparedColumn } from './prepared-table.js';
import { summaryOf, type NumericSummary } from './summary.js';

/** A test's result for a column. */
export interface ColumnTest extends TwoSampleResult {
  test: string;
  /** The p-value corrected for all tests of all columns; null for a measure without one. */
  corrected: number | null;
}

export interface TextsAmongNumbers {
  side: 'reference' | 'current';
  /** Of the rows that have a value. */
  share: number;
  /** The most frequent one. */
  example: string;
}

/** A column's comparison, before its p-values are corrected for those of the others. */
export interface ColumnDraft {
  column: string;
  /** Numbers; numbers of few values, compared value by value; texts; or what is not compared, such as lists. */
  kind: 'numeric' | 'discrete' | 'text' | 'nested';
  /** Population stability index of the values, the size of the change; null where there is none. */
  psi: number | null;
  tests: ColumnTest[];
  /** Tests that are not defined for these values, and why. */
  undefinedTests: { test: string; why: string }[];
  /** Shares of the rows. */
  missing: { reference: number; current: number; pValue: number | null; corrected: number | null };
  summary: { reference: NumericSummary; current: NumericSummary } | null;
  /** Levels that only one side has, the most frequent first; at most ten of each. */
  newLevels: string[];
  vanishedLevels: string[];
  histogram: Histogram | null;
  /** Whether most values occur once: names, keys, times. They have no distribution that could drift, and are not compared. */
  identifier: boolean;
  /** Texts of one side, where the other has numbers alone. */
  textsAmong: TextsAmongNumbers | null;
  /** The type of its values where it is nested. */
  nested: string | null;
}

const DEFAULT_TESTS = { numeric: ['psi', 'ks', 'wasserstein-normed'], levels: ['psi', 'chi-square'] };
/** Numbers of at most so many values are compared value by value, as Evidently does it. */
const DISTINCT_MAX = 20;
/** Levels beyond these are compared as one, "(others)". */
const LEVELS_MAX = 100;
const LISTED_MAX = 10;
/** With fewer rows expected in a cell the normal approximation is too sure of itself: the shares are compared by Fisher's exact test. */
const EXPECTED_MIN = 5;

/**
 * Compares one column of two tables.
 *
 * @param tests names of two-sample tests; by default those that suit the column
 * @throws RangeError if there is no such test
 */
export function compareColumn(
  reference: PreparedColumn,
  current: PreparedColumn,
  tests: readonly string[] | undefined,
): ColumnDraft {
  const nothing = {
    psi: null,
    tests: [],
    undefinedTests: [],
    summary: null,
    newLevels: [],
    vanishedLevels: [],
    histogram: null,
    identifier: false,
    textsAmong: null,
    nested: null,
  };
  if (reference.kind === 'nested' || current.kind === 'nested') {
    const missing = { reference: 0, current: 0, pValue: null, corrected: null };
    const nested = reference.kind === 'nested' ? reference.type : (current as NestedColumn).type;
    return { ...nothing, column: reference.name, kind: 'nested', missing, nested };
  }
  const [rowsBefore, rowsNow] = [rowsOf(reference), rowsOf(current)];
  const [missingBefore, missingNow] = [missingOf(reference), missingOf(current)];
  const missing = {
    reference: missingBefore / rowsBefore,
    current: missingNow / rowsNow,
    pValue: sharesPValue([missingBefore, missingNow], [rowsBefore, rowsNow]),
    corrected: null,
  };
  const base = { column: reference.name, missing, textsAmong: textsAmongNumbers(reference, current) };
  const empty = missingBefore === rowsBefore || missingNow === rowsNow;
  if (reference.kind === 'numeric' && current.kind === 'numeric') {
    const pair = new NumericPair(reference.sample, current.sample);
    const levels = pair.pooled.values.length <= DISTINCT_MAX ? pooledLevels(pair) : null;
    const summary = { reference: summaryOf(pair.reference.values), current: summaryOf(pair.current.values) };
    const kind = levels === null ? 'numeric' : 'discrete';
    const histogram = levels === null ? numericHistogram(pair) : levelHistogram(levels, false);
    return { ...nothing, ...base, kind, ...run(pair, levels, tests), summary, histogram, ...listed(levels) };
  }
  if (reference.kind !== 'text' || current.kind !== 'text' || empty) return { ...nothing, ...base, kind: 'text' };
  if (isIdentifier(reference) || isIdentifier(current)) return { ...nothing, ...base, kind: 'text', identifier: true };
  const all = levelPair(reference, current);
  const pooled = withOthers(all);
  return {
    ...nothing,
    ...base,
    kind: 'text',
    ...run(null, pooled, tests),
    histogram: levelHistogram(pooled, true),
    ...listed(all),
  };
}

/** That two shares of rows differ by chance; null where all rows count, or none. */
function sharesPValue(counted: readonly [number, number], rows: readonly [number, number]): number | null {
  const [a, b] = counted;
  const [n, m] = rows;
  const others = n + m - a - b;
  if (a + b === 0 || others === 0) return null;
  const expectedMin = (Math.min(a + b, others) * Math.min(n, m)) / (n + m);
  if (expectedMin >= EXPECTED_MIN) return twoProportions(counted, rows).pValue;
  return fisherExact([
    [a, n - a],
    [b, m - b],
  ]).pValue;
}

/** The chosen tests that suit the column, and the size of the change. */
function run(
  pair: NumericPair | null,
  levels: LevelPair | null,
  chosen: readonly string[] = levels === null ? DEFAULT_TESTS.numeric : DEFAULT_TESTS.levels,
): Pick<ColumnDraft, 'tests' | 'undefinedTests' | 'psi'> {
  const tests: ColumnTest[] = [];
  const undefinedTests: ColumnDraft['undefinedTests'] = [];
  const result = (name: string): TwoSampleResult | null => {
    const { numeric, categorical } = twoSampleTest(name);
    if (levels !== null && categorical !== undefined) return categorical(levels);
    return pair !== null && numeric !== undefined ? numeric(pair) : null;
  };
  for (const test of chosen) {
    try {
      const found = result(test);
      if (found !== null) tests.push({ test, statistic: found.statistic, pValue: found.pValue, corrected: null });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      undefinedTests.push({ test, why: error.message });
    }
  }
  const psi = tests.find(({ test }) => test === 'psi')?.statistic ?? result('psi')?.statistic ?? null;
  return { tests, undefinedTests, psi };
}

function pooledLevels({ pooled }: NumericPair): LevelPair {
  const counts = (upTo: Int32Array) => Array.from(upTo, (rows, i) => rows - (i === 0 ? 0 : upTo[i - 1]!));
  const [reference, current] = [counts(pooled.reference), counts(pooled.current)];
  const levels = Array.from(pooled.values, String);
  return {
    levels,
    reference,
    current,
    newLevels: levels.filter((_, i) => reference[i] === 0),
    vanishedLevels: levels.filter((_, i) => current[i] === 0),
  };
}

/** At most `LEVELS_MAX` levels, the most frequent ones on either side, and the others as one. */
function withOthers(pair: LevelPair): LevelPair {
  if (pair.levels.length <= LEVELS_MAX) return pair;
  const [n, m] = [sum(pair.reference), sum(pair.current)];
  const weight = (i: number) => pair.reference[i]! / n + pair.current[i]! / m;
  const order = pair.levels.map((_, i) => i).sort((a, b) => weight(b) - weight(a));
  const [kept, rest] = [order.slice(0, LEVELS_MAX - 1), order.slice(LEVELS_MAX - 1)];
  const counts = (of: number[]) => [...kept.map((i) => of[i]!), sum(rest.map((i) => of[i]!))];
  return {
    ...pair,
    levels: [...kept.map((i) => pair.levels[i]!), '(others)'],
    reference: counts(pair.reference),
    current: counts(pair.current),
  };
}

function listed(pair: LevelPair | null): Pick<ColumnDraft, 'newLevels' | 'vanishedLevels'> {
  if (pair === null) return { newLevels: [], vanishedLevels: [] };
  const first = (side: number[], absent: number[]) =>
    pair.levels
      .map((level, i) => ({ level, count: absent[i] === 0 ? side[i]! : 0 }))
      .filter(({ count }) => count > 0)
      .sort((a, b) => b.count - a.count)
      .slice(0, LISTED_MAX)
      .map(({ level }) => level);
  return { newLevels: first(pair.current, pair.reference), vanishedLevels: first(pair.reference, pair.current) };
}

/** Null unless one side's values are all numbers and the other's are not. */
function textsAmongNumbers(reference: PreparedColumn, current: PreparedColumn): TextsAmongNumbers | null {
  if (reference.kind !== 'text' || current.kind !== 'text') return null;
  const textsOf = ({ levels }: typeof reference) => levels.filter(([level]) => cellNumber(level) === TEXT);
  const [before, now] = [textsOf(reference), textsOf(current)];
  if ((before.length === 0) === (now.length === 0) || reference.levels.length * current.levels.length === 0)
    return null;
  const [side, texts, all] =
    now.length > 0 ? (['current', now, current] as const) : (['reference', before, reference] as const);
  const rows = (levels: readonly (readonly [string, number])[]) => sum(levels.map(([, count]) => count));
  const [example] = texts.reduce((most, one) => (one[1] > most[1] ? one : most));
  return { side, share: rows(texts) / rows(all.levels), example };
}

/** Whether most of a text column's values occur once. */
export function isIdentifier({ levels }: PreparedColumn & { kind: 'text' }): boolean {
  return levels.length > LEVELS_MAX && levels.length > sum(levels.map(([, count]) => count)) / 2;
}

function rowsOf(column: Exclude<PreparedColumn, NestedColumn>): number {
  const present =
    column.kind === 'numeric' ? column.sample.values.length : sum(column.levels.map(([, count]) => count));
  return present + missingOf(column);
}

function missingOf(column: Exclude<PreparedColumn, NestedColumn>): number {
  return column.kind === 'numeric' ? column.sample.missing : column.missing;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

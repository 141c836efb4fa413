import type { Cause, FeatureReference } from '@gyre/contracts';
import { binOf, ShareRise } from '@gyre/drift';
import type { ErrorWords } from './error-words.js';
import { percent } from './findings.js';
import { movedFeatures, rangeOf } from './input-shift.js';

export interface SlicesState {
  /** In the order of their bins. */
  features: string[];
  /** The newest outcomes, oldest first: the bin of each feature (the one after the last for a missing value), then the error. */
  newest: number[][];
  /** By feature and bin, of all older outcomes: count and sum of errors. */
  before: [number, number][][];
}

const NEWEST_MAX = 200;
/** A slice is named with so many newest rows and so many older ones … */
const ROWS_MIN = 15;
const ROWS_BEFORE_MIN = 30;
/** … where its error has risen by so many standard errors, and less elsewhere … */
const STANDARD_ERRORS = 3.5;
/** … where it explains this share of the whole rise … */
const EXPLAINED_MIN = 0.5;
/** … and is not nearly everything. */
const ROWS_SHARE_MAX = 0.8;

/** So many of the newest rows say whether an input looks different now, for all rows since the change where these are more. */
const SUSPECT_ROWS_MIN = 30;
/** That is asked only when the error has alarmed; then any shift that is no chance is of interest. */
const SUSPECT_P_MAX = 0.01;
/** More missing than in training by this share may be a fault … */
const MISSING_TOLERATED = 0.02;
/** … and is one, at a share of missing values that chance would show once in so many rows of any input. */
const MISSING_EVIDENCE = 1_000;

/** Bins of one feature in which a rise lies. */
interface Slice {
  feature: string;
  where: string;
  before: number;
  after: number;
  rows: number;
  /** Rows in all. */
  of: number;
  /** The share of the whole rise. */
  explained: number;
}

/** Finds the slices of the inputs, by one feature's bins, in which a rise of the error lies. */
export class Slices {
  private newest: number[][] = [];
  private before: [number, number][][];

  constructor(
    private readonly reference: readonly FeatureReference[],
    private readonly isRegression: boolean,
  ) {
    this.before = reference.map(({ edges }) =>
      Array.from({ length: edges.length + 2 }, (): [number, number] => [0, 0]),
    );
  }

  /** @param error bounded: 0 or 1, or of a regression in units of the version's scale */
  add(features: readonly (number | null)[], error: number): void {
    if (features.length !== this.reference.length) return;
    // The row that grows too old is the newest one's array.
    const row = this.newest.length < NEWEST_MAX ? [] : this.newest.shift()!;
    if (row.length > 0) this.age(row);
    for (let f = 0; f < features.length; f++) {
      const { edges } = this.reference[f]!;
      const value = features[f] ?? null;
      row[f] = value === null ? edges.length + 1 : binOf(edges, value);
    }
    row[features.length] = error;
    this.newest.push(row);
  }

  /** Whether it knows as many of the newest outcomes as it keeps. */
  get isFull(): boolean {
    return this.newest.length === NEWEST_MAX;
  }

  /** The errors of the newest outcomes, oldest first. */
  errors(): number[] {
    return this.newest.map((row) => row.at(-1)!);
  }

  private age(row: readonly number[]): void {
    for (let f = 0; f < this.before.length; f++) {
      const bin = this.before[f]![row[f]!]!;
      bin[0] += 1;
      bin[1] += row[this.before.length]!;
    }
  }

  /**
   * @param since rows since the change
   * @param unit of a bounded error of 1
   * @returns the slices that explain most of the rise, the one that explains most first
   */
  explain(since: number, words: ErrorWords, unit: number): Cause[] {
    const rows = this.newest.slice(-Math.max(ROWS_MIN, Math.min(since, NEWEST_MAX)));
    const older = this.newest.slice(0, this.newest.length - rows.length);
    return this.reference
      .flatMap((reference, f) => this.sliceOf(reference, f, rows, older))
      .sort((a, b) => b.explained - a.explained)
      .map((slice) => causeOf(slice, words, unit));
  }

  /** @param since rows since the change @returns inputs that have looked otherwise than in training since then, most changed first */
  suspects(since: number): Cause[] {
    const rows = this.newest.slice(-Math.max(SUSPECT_ROWS_MIN, Math.min(since, NEWEST_MAX)));
    const now = this.reference.map(({ counts }, f) =>
      tally(rows, f, counts.length + 1)
        .slice(0, -1)
        .map(([n]) => n),
    );
    const before = this.reference.map(({ counts }) => counts);
    return movedFeatures(this.reference, before, now, SUSPECT_P_MAX, 0);
  }

  /** @param since rows since the change @returns inputs of which more has been missing since then than in training, most first */
  missing(since: number): Cause[] {
    const rows = this.newest.slice(-Math.max(SUSPECT_ROWS_MIN, Math.min(since, NEWEST_MAX)));
    return this.reference
      .flatMap(({ feature, counts, missing }, f): Cause[] => {
        const trained = missing / Math.max(1, missing + counts.reduce((sum, count) => sum + count, 0));
        const hits = rows.filter((row) => row[f] === counts.length).length;
        const limit = MISSING_EVIDENCE * this.reference.length * rows.length;
        const rise = new ShareRise(Math.min(0.99, trained + MISSING_TOLERATED));
        if (rows.length === 0 || rise.add(hits, rows.length) < limit) return [];
        const after = hits / rows.length;
        const words = `${feature} is missing in ${percent(after)} of the rows (${percent(trained)} in training)`;
        return [{ kind: 'feature', name: feature, words, before: trained, after }];
      })
      .sort((a, b) => b.after! - a.after!);
  }

  private sliceOf(
    { feature, edges }: FeatureReference,
    f: number,
    rows: readonly number[][],
    older: readonly number[][],
  ): Slice[] {
    const now = tally(rows, f, this.before[f]!.length);
    const then = tally(older, f, this.before[f]!.length).map(([n, sum], bin): [number, number] => {
      const [count, errors] = this.before[f]![bin]!;
      return [n + count, sum + errors];
    });
    const [all, allBefore] = [total(now), total(then)];
    const rise = all[1] - all[0] * mean(allBefore);
    if (!(rise > 0)) return [];
    const bad = now.flatMap(([n, sum], bin) => {
      const known = then[bin]!;
      if (n === 0 || known[0] < ROWS_BEFORE_MIN) return [];
      const level = mean(known);
      // With half an error of each kind, a slice without errors so far has a variance too.
      const share = (known[1] + 0.5) / (known[0] + 1);
      const excess = sum - n * level;
      const elsewhere = (rise - excess) / Math.max(1, all[0] - n);
      const isBad = excess > STANDARD_ERRORS * Math.sqrt(n * this.variance(share)) && excess / n > 2 * elsewhere;
      return isBad ? [{ bin, n, sum, level, excess }] : [];
    });
    const rowsOf = bad.reduce((count, { n }) => count + n, 0);
    const explained = bad.reduce((share, { excess }) => share + excess / rise, 0);
    if (rowsOf < ROWS_MIN || rowsOf > ROWS_SHARE_MAX * all[0] || explained < EXPLAINED_MIN) return [];
    const after = bad.reduce((sum, one) => sum + one.sum, 0) / rowsOf;
    const before = bad.reduce((sum, one) => sum + one.n * one.level, 0) / rowsOf;
    const ranges = bad.map(({ bin }) => (bin === edges.length + 1 ? 'missing' : rangeOf(edges, bin)));
    return [{ feature, where: ranges.join(' or '), before, after, rows: rowsOf, of: all[0], explained }];
  }

  /** Of errors of this mean: of 0/1 errors; the deviation of an absolute error is at most about its mean. */
  private variance(level: number): number {
    if (this.isRegression) return level * level;
    const share = Math.min(0.99, level);
    return Math.max(0.01, share * (1 - share));
  }

  state(): SlicesState {
    return {
      features: this.features(),
      newest: this.newest.map((row) => [...row]),
      before: this.before.map((bins) => bins.map(([n, sum]): [number, number] => [n, sum])),
    };
  }

  restore({ features, newest, before }: SlicesState): void {
    // Bins of other features say nothing of these.
    if (features.join() !== this.features().join()) return;
    this.newest = newest.map((row) => [...row]);
    this.before = before.map((bins) => bins.map(([n, sum]): [number, number] => [n, sum]));
  }

  private features(): string[] {
    return this.reference.map(({ feature }) => feature);
  }
}

function causeOf(slice: Slice, words: ErrorWords, unit: number): Cause {
  const { feature: name, where, rows, of, explained } = slice;
  const [before, after] = [slice.before * unit, slice.after * unit];
  const told = `where ${name} is ${where} the ${words.error} went ${words.change(before, after)} (${rows} of ${of} rows, ${percent(Math.min(1, explained))} of the rise)`;
  return { kind: 'segment', name, words: told, before, after };
}

function tally(rows: readonly number[][], f: number, bins: number): [number, number][] {
  const found = Array.from({ length: bins }, (): [number, number] => [0, 0]);
  for (const row of rows) {
    const bin = found[row[f]!]!;
    bin[0] += 1;
    bin[1] += row.at(-1)!;
  }
  return found;
}

function total(bins: readonly [number, number][]): [number, number] {
  return bins.reduce(([n, sum], [more, errors]) => [n + more, sum + errors], [0, 0]);
}

function mean([n, sum]: [number, number]): number {
  return n === 0 ? 0 : sum / n;
}

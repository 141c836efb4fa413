import type { Cause, FeatureReference } from '@gyre/contracts';
import { binOf, holm, ShareRise } from '@gyre/drift';
import type { ErrorWords } from './error-words.js';
import { percent } from './findings.js';
import { movedFeatures, rangeOf } from './input-shift.js';
import { unevenRise, type Tally, type UnevenRise } from './uneven-rise.js';

export interface SlicesState {
  /** In the order of their bins. */
  features: string[];
  /** The newest outcomes, oldest first: the bin of each feature (the one after the last for a missing value), then the error. */
  newest: number[][];
  /** By feature and bin, of all older outcomes. */
  before: Tally[][];
  change: Change | null;
}

/** A rise of the error that is not over. */
interface Change {
  /** By feature and bin, of all outcomes before it, and of those since, up to a number. */
  before: Tally[][];
  after: Tally[][];
  rows: number;
  /** Of the rows since: the sum. */
  errors: number;
  /** Rows at which what is known by then is to be told. */
  toldAt: number;
}

const NEWEST_MAX = 200;
/** Outcomes since a change by which it is explained. */
const FOLLOWED_MAX = 500;
/** It is explained again when it has so many of them, and then whenever they have grown by this factor. */
const LOOK_MIN = 30;
const LOOK_GROWTH = 1.5;
/**
 * A slice is named where a rise that hits all rows alike would look like one, in any input, once in so many looks. Of simulated rises that did, one in a
 * hundred was told a slice at any of its looks.
 */
const SLICE_P_MAX = 0.001;
/** It has so many rows … */
const ROWS_MIN = 15;
/** … and explains this share of the whole rise. */
const EXPLAINED_MIN = 0.5;

/** So many of the newest rows say whether an input looks different now, for all rows since the change where these are more. */
const SUSPECT_ROWS_MIN = 30;
/** That is asked only when the error has alarmed; then any shift that is no chance is of interest. */
const SUSPECT_P_MAX = 0.002;
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
  strength: number;
}

/** Finds the slices of the inputs, by one feature's bins, in which a rise of the error lies. */
export class Slices {
  private newest: number[][] = [];
  private before: Tally[][];
  private change: Change | null = null;

  /** @param classes of the label; 0 of a regression */
  constructor(
    private readonly reference: readonly FeatureReference[],
    private readonly classes: number,
  ) {
    this.before = this.nothing();
  }

  /** @param error bounded: 0 or 1, or of a regression in units of the version's scale */
  add(features: readonly (number | null)[], error: number): void {
    if (features.length !== this.reference.length) return;
    // The row that grows too old is the newest one's array.
    const row = this.newest.length < NEWEST_MAX ? [] : this.newest.shift()!;
    if (row.length > 0) this.count(row, this.before);
    for (let f = 0; f < features.length; f++) {
      const { edges } = this.reference[f]!;
      const value = features[f] ?? null;
      row[f] = value === null ? edges.length + 1 : binOf(edges, value);
    }
    row[features.length] = error;
    this.newest.push(row);
    if (this.change === null || this.change.rows === FOLLOWED_MAX) return;
    this.count(row, this.change.after);
    this.change.rows += 1;
    this.change.errors += error;
  }

  /** Whether it knows as many of the newest outcomes as it keeps. */
  get isFull(): boolean {
    return this.newest.length === NEWEST_MAX;
  }

  /** The errors of the newest outcomes, oldest first. */
  errors(): number[] {
    return this.newest.map((row) => row.at(-1)!);
  }

  private count(row: readonly number[], into: Tally[][]): void {
    for (let f = 0; f < into.length; f++) {
      const bin = into[f]![row[f]!]!;
      bin[0] += 1;
      bin[1] += row[into.length]!;
    }
  }

  private nothing(): Tally[][] {
    return this.reference.map(({ edges }) => Array.from({ length: edges.length + 2 }, (): Tally => [0, 0]));
  }

  /**
   * The error rose: rows before and since are kept apart from now on, for what explains the rise shows better the more have come. A change that is being
   * followed stays the one that it is.
   *
   * @param since rows since the change, about
   * @param level of the error before it, bounded
   */
  follow(since: number, level: number): void {
    if (this.change === null || this.change.rows === FOLLOWED_MAX)
      this.change = this.changed(this.sharpened(since, level));
  }

  /** From where on the errors stand out most: rows from before the change hide what it has done. */
  private sharpened(since: number, level: number): number {
    const longest = Math.min(this.newest.length, 2 * since);
    let [sum, most, rows] = [0, 0, Math.min(longest, since)];
    for (let n = 1; n <= longest; n++) {
      sum += this.newest.at(-n)!.at(-1)! - level;
      const outstanding = sum <= 0 ? 0 : (sum * sum) / n;
      if (outstanding > most) [most, rows] = [outstanding, n];
    }
    return rows;
  }

  private changed(since: number): Change {
    const rows = Math.min(this.newest.length, since);
    const before = copyOf(this.before);
    const after = this.nothing();
    const first = this.newest.length - rows;
    this.newest.forEach((row, i) => this.count(row, i < first ? before : after));
    const errors = this.newest.slice(first).reduce((sum, row) => sum + row.at(-1)!, 0);
    return { before, after, rows, errors, toldAt: Math.max(LOOK_MIN, Math.ceil(LOOK_GROWTH * rows)) };
  }

  /** The rise is over. */
  forget(): void {
    this.change = null;
  }

  /** Rows since the change that is followed, and the mean of their errors. */
  get risen(): { since: number; mean: number } | null {
    return this.change === null
      ? null
      : { since: this.change.rows, mean: this.change.errors / Math.max(1, this.change.rows) };
  }

  /** Whether so many rows have come since the change was explained that it should be again. */
  isDue(): boolean {
    if (this.change === null || this.change.rows < this.change.toldAt) return false;
    const { rows } = this.change;
    this.change.toldAt =
      rows === FOLLOWED_MAX ? FOLLOWED_MAX + 1 : Math.min(Math.ceil(LOOK_GROWTH * rows), FOLLOWED_MAX);
    return true;
  }

  /**
   * @param since rows since the change, where none is followed
   * @param unit of a bounded error of 1
   * @returns the slices in which the rise lies, the one first that tells it most sharply
   */
  explain(since: number, words: ErrorWords, unit: number): Cause[] {
    const { before, after } = this.change ?? this.changed(since);
    const found = this.reference.map((_, f) => unevenRise(before[f]!, after[f]!, this.classes));
    const corrected = holm(found.map((one) => one?.pValue ?? 1));
    return found
      .flatMap((one, f) =>
        one === null || corrected[f]! > SLICE_P_MAX ? [] : sliceOf(this.reference[f]!, one, before[f]!, after[f]!),
      )
      .sort((a, b) => b.strength - a.strength)
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

  state(): SlicesState {
    return {
      features: this.features(),
      newest: this.newest.map((row) => [...row]),
      before: copyOf(this.before),
      change: this.change === null ? null : copyOfChange(this.change),
    };
  }

  restore({ features, newest, before, change }: SlicesState): void {
    // Bins of other features say nothing of these.
    if (features.join() !== this.features().join()) return;
    this.newest = newest.map((row) => [...row]);
    this.before = copyOf(before);
    this.change = change === null ? null : copyOfChange(change);
  }

  private features(): string[] {
    return this.reference.map(({ feature }) => feature);
  }
}

/** The bins as a slice, where it has enough rows and of the rise. */
function sliceOf(
  { feature, edges }: FeatureReference,
  { bins, strength }: UnevenRise,
  before: readonly Tally[],
  after: readonly Tally[],
): Slice[] {
  const excess = (bin: number) => after[bin]![1] - after[bin]![0] * mean(before[bin]!);
  const all = total(after);
  const rise = all[1] - all[0] * mean(total(before));
  const [rows, errors] = total(bins.map((bin) => after[bin]!));
  const usual = bins.reduce((sum, bin) => sum + after[bin]![0] * mean(before[bin]!), 0);
  const explained = bins.reduce((sum, bin) => sum + excess(bin), 0) / rise;
  if (rows < ROWS_MIN || !(explained >= EXPLAINED_MIN)) return [];
  const where = bins.map((bin) => (bin === edges.length + 1 ? 'missing' : rangeOf(edges, bin))).join(' or ');
  return [{ feature, where, before: usual / rows, after: errors / rows, rows, of: all[0], explained, strength }];
}

function causeOf(slice: Slice, words: ErrorWords, unit: number): Cause {
  const { feature: name, where, rows, of, explained } = slice;
  const [before, after] = [slice.before * unit, slice.after * unit];
  const told = `where ${name} is ${where} the ${words.error} went ${words.change(before, after)} (${rows} of ${of} rows, ${percent(Math.min(1, explained))} of the rise)`;
  return { kind: 'segment', name, words: told, before, after };
}

function tally(rows: readonly number[][], f: number, bins: number): Tally[] {
  const found = Array.from({ length: bins }, (): Tally => [0, 0]);
  for (const row of rows) {
    const bin = found[row[f]!]!;
    bin[0] += 1;
    bin[1] += row.at(-1)!;
  }
  return found;
}

function total(bins: readonly Tally[]): Tally {
  return bins.reduce<Tally>(([n, sum], [more, errors]) => [n + more, sum + errors], [0, 0]);
}

function mean([n, sum]: Tally): number {
  return n === 0 ? 0 : sum / n;
}

function copyOf(tallies: readonly Tally[][]): Tally[][] {
  return tallies.map((bins) => bins.map(([n, sum]): Tally => [n, sum]));
}

function copyOfChange(change: Change): Change {
  return { ...change, before: copyOf(change.before), after: copyOf(change.after) };
}

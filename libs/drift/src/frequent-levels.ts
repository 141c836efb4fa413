import { requireOption } from './detector.js';
import type { LevelCounts } from './level-counts.js';

/** What the counts are saved as. */
export interface FrequentLevelsState extends LevelCounts {
  levelsMax: number;
  /** Rows with a level. */
  rows: number;
  /** How much each count may be too small: 0 as long as no level had to be forgotten. */
  error: number;
}

/**
 * The levels of a categorical stream and their counts in bounded memory, for columns that turn out to hold ids or free text. Exact, and merged to exactly the
 * same, as long as there are at most `levelsMax` levels; then each count is too small by at most `error`, which is at most rows / (levelsMax + 1).
 *
 * @see J. Misra, D. Gries (1982), Finding Repeated Elements, Science of Computer Programming 2:143-152; P. Agarwal et al. (2013), Mergeable Summaries,
 * ACM TODS 38(4):26.
 */
export class FrequentLevels {
  private counts = new Map<string, number>();
  private missing = 0;
  private rows = 0;
  private error = 0;

  /** @param levelsMax levels kept, an integer of at least 1 */
  constructor(private readonly levelsMax: number = 1000) {
    requireOption(
      Number.isInteger(levelsMax) && levelsMax >= 1,
      'FrequentLevels: levelsMax is an integer of at least 1',
      levelsMax,
    );
  }

  /** null, undefined and NaN are counted as missing. Numbers and booleans are the level of their text. */
  add(level: string | number | boolean | null | undefined): void {
    if (level === null || level === undefined || level !== level) {
      this.missing += 1;
      return;
    }
    const text = String(level);
    this.rows += 1;
    this.counts.set(text, (this.counts.get(text) ?? 0) + 1);
    this.keepWithinMemory();
  }

  /** @throws RangeError if the other keeps another number of levels */
  merge(other: FrequentLevelsState): void {
    requireOption(
      other.levelsMax === this.levelsMax,
      `FrequentLevels: counts of at most ${this.levelsMax} levels merge with their like`,
      other.levelsMax,
    );
    for (const [level, count] of other.levels) this.counts.set(level, (this.counts.get(level) ?? 0) + count);
    this.missing += other.missing;
    this.rows += other.rows;
    this.error += other.error;
    this.keepWithinMemory();
  }

  /** Levels with the most rows first. */
  state(): FrequentLevelsState {
    const levels = [...this.counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
    return { levels, missing: this.missing, levelsMax: this.levelsMax, rows: this.rows, error: this.error };
  }

  static of(state: FrequentLevelsState): FrequentLevels {
    const levels = new FrequentLevels(state.levelsMax);
    levels.counts = new Map(state.levels);
    levels.missing = state.missing;
    levels.rows = state.rows;
    levels.error = state.error;
    return levels;
  }

  /** Takes from all counts what the first one too many has. */
  private keepWithinMemory(): void {
    if (this.counts.size <= this.levelsMax) return;
    const taken = [...this.counts.values()].sort((a, b) => b - a)[this.levelsMax]!;
    this.error += taken;
    for (const [level, count] of this.counts) {
      if (count > taken) this.counts.set(level, count - taken);
      else this.counts.delete(level);
    }
  }
}

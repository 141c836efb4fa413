import { requireOption } from './detector.js';

/** How often each level of a categorical sample occurs; plain JSON. Missing rows are counted apart. */
export interface LevelCounts {
  /** In order of first sight. */
  levels: [level: string, count: number][];
  missing: number;
}

/** Two categorical samples over the same levels. */
export interface LevelPair {
  /** Levels that occur on either side, in the order of their code units. */
  levels: string[];
  /** Rows of each level. */
  reference: number[];
  current: number[];
  /** Levels that only the current sample has, and only the reference. */
  newLevels: string[];
  vanishedLevels: string[];
}

/**
 * Counts the rows of each level. null, undefined and NaN are missing; an empty text is a level. Numbers and booleans are the level of their text.
 */
export function levelCounts(rows: Iterable<string | number | boolean | null | undefined>): LevelCounts {
  const counts = new Map<string | number | boolean, number>();
  let missing = 0;
  for (const row of rows) {
    if (row === null || row === undefined || row !== row) missing += 1;
    else counts.set(row, (counts.get(row) ?? 0) + 1);
  }
  const levels = new Map<string, number>();
  for (const [level, count] of counts) levels.set(String(level), (levels.get(String(level)) ?? 0) + count);
  return { levels: [...levels], missing };
}

/**
 * Puts the counts of two samples side by side. Levels without a row on either side are left out.
 *
 * @throws RangeError when a side has no row with a level
 */
export function levelPair(reference: Pick<LevelCounts, 'levels'>, current: Pick<LevelCounts, 'levels'>): LevelPair {
  const [before, after] = [present(reference), present(current)];
  const levels = [...new Set([...before.keys(), ...after.keys()])].sort();
  return {
    levels,
    reference: levels.map((level) => before.get(level) ?? 0),
    current: levels.map((level) => after.get(level) ?? 0),
    newLevels: levels.filter((level) => !before.has(level)),
    vanishedLevels: levels.filter((level) => !after.has(level)),
  };
}

function present({ levels }: Pick<LevelCounts, 'levels'>): Map<string, number> {
  const counts = new Map(levels.filter(([, count]) => count > 0));
  requireOption(counts.size > 0, 'a sample has at least one row with a level', counts.size);
  return counts;
}

import { domainClassifier, Mulberry32, numericSample, PcaReconstruction } from '@gyre/drift';
import { trainDomainTrees } from '@gyre/learning';
import { number } from '../output.js';
import { corrections, type Rule } from './judge-columns.js';
import type { ColumnPair } from './compare-thread.js';
import { isIdentifier } from './compare-column.js';

/** What is to be said of the columns together: of whole rows, where a column by itself may look as it did. */
export interface Together {
  /** As of a column; `skipped` with fewer than two columns, or too few rows. */
  verdict: 'drift' | 'slight' | 'same' | 'skipped';
  /** In words, with numbers. */
  reason: string;
  /** Rows that were looked at, drawn by chance from all. */
  rows: { reference: number; current: number };
  columns: string[];
  /** Boosted trees that were trained to tell current rows from reference rows, and tried on rows that they had not seen. */
  classifier: {
    rocAuc: number;
    pValue: number;
    corrected: number;
    /** How much of the ROC AUC hangs on each column, the largest first. */
    importance: { column: string; lost: number }[];
  } | null;
  /** The reconstruction of rows from the principal components of the reference; null where no column varies. */
  reconstruction: {
    components: number;
    referenceError: number;
    currentError: number;
    /** The largest gap between the distributions of the errors. */
    statistic: number;
    pValue: number;
    corrected: number;
  } | null;
}

/** Rows of a side from which something can be said. */
const ROWS_MIN = 40;
/** What a PSI of 0.1 is between two normals: they lie 0.32 deviations apart, so this is the ROC AUC … */
const ROC_AUC_COUNTS = 0.59;
/** … and this the largest gap between the distributions. */
const GAP_COUNTS = 0.125;
const NAMED_MAX = 3;

/**
 * Compares sampled rows of two tables, all columns at once: with a domain classifier, and by how well they are reconstructed from the reference's principal
 * components. The p-values of the two are a family of their own.
 *
 * Numbers take part as their rank among the reference's, so that no outlier decides; texts as the rank of their level, the most frequent first.
 */
export function compareTogether(pairs: readonly ColumnPair[], { alpha, correction }: Rule): Together {
  const columns = pairs.flatMap((pair) => encoded(pair) ?? []);
  const rows = {
    reference: columns[0]?.reference.length ?? 0,
    current: columns[0]?.current.length ?? 0,
  };
  const base = { rows, columns: columns.map(({ name }) => name) };
  const skipped = (reason: string): Together => {
    return { ...base, verdict: 'skipped', reason, classifier: null, reconstruction: null };
  };
  if (columns.length < 2) return skipped('it takes two columns that can be compared');
  if (Math.min(rows.reference, rows.current) < ROWS_MIN) return skipped(`it takes ${ROWS_MIN} rows of each file`);
  const [reference, current] = [rowsOf(columns, 'reference'), rowsOf(columns, 'current')];
  const told = domainClassifier(reference, current, columns.length, trainDomainTrees);
  const pca = PcaReconstruction.varies(reference, columns.length)
    ? PcaReconstruction.fit(reference, columns.length)
    : null;
  const rebuilt = pca?.compare(current);
  const family = corrections[correction]([told.pValue, ...(rebuilt === undefined ? [] : [rebuilt.pValue])]);
  const importance = columns
    .map(({ name }, i) => ({ column: name, lost: told.importance[i]! }))
    .sort((a, b) => b.lost - a.lost);
  const { rocAuc, pValue } = told;
  const found = {
    classifier: { rocAuc, pValue, corrected: family[0]!, importance },
    reconstruction:
      pca === null || rebuilt === undefined ? null : { components: pca.components, ...rebuilt, corrected: family[1]! },
  };
  return { ...base, ...found, ...judged(found, alpha) };
}

type Found = Pick<Together, 'classifier' | 'reconstruction'>;

function judged({ classifier, reconstruction }: Found, alpha: number): Pick<Together, 'verdict' | 'reason'> {
  const reasons: string[] = [];
  let counts = false;
  if (classifier !== null && classifier.corrected <= alpha) {
    const { rocAuc, importance } = classifier;
    const names = importance.slice(0, NAMED_MAX).flatMap(({ column, lost }) => (lost > 0.01 ? [column] : []));
    const by = names.length === 0 ? '' : `, most by ${names.join(', ')}`;
    reasons.push(`a classifier tells their rows apart (ROC AUC ${rocAuc.toFixed(2)}${by})`);
    counts ||= rocAuc >= ROC_AUC_COUNTS;
  }
  if (reconstruction !== null && reconstruction.corrected <= alpha) {
    const { referenceError, currentError, statistic } = reconstruction;
    reasons.push(
      `rows are reconstructed otherwise from the principal components (error ${number(referenceError)} to ${number(currentError)})`,
    );
    counts ||= statistic >= GAP_COUNTS;
  }
  if (reasons.length === 0) return { verdict: 'same', reason: 'no more than chance' };
  const reason = reasons.join('; ');
  return counts ? { verdict: 'drift', reason } : { verdict: 'slight', reason: `real but small: ${reason}` };
}

interface Encoded {
  name: string;
  reference: Float64Array;
  current: Float64Array;
}

/** Null for what has no distribution, or no value on a side. */
function encoded([before, now]: ColumnPair): Encoded | null {
  const { name } = before;
  if (before.kind === 'numeric' && now.kind === 'numeric') {
    if (before.sampled.every(Number.isNaN)) return null;
    const { values } = numericSample(before.sampled);
    const rank = (value: number) => (value === value ? rankAmong(values, value) : NaN);
    return { name, reference: before.sampled.map(rank), current: now.sampled.map(rank) };
  }
  if (before.kind !== 'text' || now.kind !== 'text') return null;
  if (before.levels.length === 0 || now.levels.length === 0 || isIdentifier(before) || isIdentifier(now)) return null;
  const order = [...before.levels].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const ranks = new Map(order.map(([level], i) => [level, i / order.length]));
  const rank = (level: string | null) => (level === null ? NaN : (ranks.get(level) ?? 1));
  return { name, reference: Float64Array.from(before.sampled, rank), current: Float64Array.from(now.sampled, rank) };
}

/** The share of rising values below it, those that equal it counting half: from 0 to 1. */
function rankAmong(values: Float64Array, value: number): number {
  return (firstFrom(values, (one) => one >= value) + firstFrom(values, (one) => one > value)) / (2 * values.length);
}

function firstFrom(values: Float64Array, is: (value: number) => boolean): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (is(values[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Row-major, in an order of chance: the components are fitted to every second row, and files have periods. */
function rowsOf(columns: readonly Encoded[], side: 'reference' | 'current'): Float64Array {
  const order = columns[0]![side].map((_, row) => row);
  const random = new Mulberry32(1);
  for (let i = order.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random.next() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  const rows = new Float64Array(columns.length * order.length);
  order.forEach((row, place) =>
    columns.forEach((column, f) => (rows[place * columns.length + f] = column[side][row]!)),
  );
  return rows;
}

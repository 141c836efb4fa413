import { number } from '../output.js';
import type { ColumnComparison } from './judge-columns.js';
import type { ColumnDraft, TextsAmongNumbers } from './compare-column.js';

/**
 * `drift`: the values changed, by no chance and by a size that counts. `missing`: they did not, but how many are missing did. `slight`: they
 * changed by no chance, and by little. `same`: nothing that chance would not do. `skipped`: not compared.
 */
export type Verdict = 'drift' | 'missing' | 'slight' | 'same' | 'skipped';

/** A population stability index from here on is a change that counts, by the usage of the field; 0.25 and more is a large one. */
const PSI_COUNTS = 0.1;
const PSI_LARGE = 0.25;
/** A change of the share of missing rows that counts. */
const MISSING_COUNTS = 0.01;

/** Says what became of a column, and why, in words. */
export function judge(
  column: Omit<ColumnComparison, 'verdict' | 'reason'>,
  alpha: number,
  { identifier, textsAmong, nested }: Pick<ColumnDraft, 'identifier' | 'textsAmong' | 'nested'>,
): { verdict: Verdict; reason: string } {
  const { psi, pValue, missing, tests } = column;
  const { reference, current } = missing;
  const gaps =
    missing.corrected !== null && missing.corrected <= alpha && Math.abs(current - reference) >= MISSING_COUNTS;
  const gapsReason = `missing in ${percent(reference)} of the rows, now in ${percent(current)}`;
  if (nested !== null) return { verdict: 'skipped', reason: `values of the type ${nested} are not compared` };
  if (reference === 1 && current === 1) return { verdict: 'skipped', reason: 'no row has a value' };
  if (identifier && textsAmong !== null) return { verdict: 'skipped', reason: mixed(textsAmong) };
  if (identifier)
    return {
      verdict: 'skipped',
      reason: 'most values occur once (names, keys, times): there is no distribution to compare',
    };
  if (psi === null)
    return gaps ? { verdict: 'missing', reason: gapsReason } : { verdict: 'skipped', reason: gapsReason };
  if (tests.length === 0 && column.undefinedTests.length === 0)
    return {
      verdict: 'skipped',
      reason: `none of the chosen tests compares ${column.kind === 'text' ? 'texts' : 'numbers'}`,
    };
  const significant = pValue === null ? psi >= PSI_COUNTS : pValue <= alpha;
  const why = [changeOf(column), ...(gaps ? [gapsReason] : [])].join('; ');
  if (significant && psi >= PSI_COUNTS)
    return { verdict: 'drift', reason: `${psi >= PSI_LARGE ? 'large change' : 'change'}: ${why}` };
  if (gaps) return { verdict: 'missing', reason: gapsReason };
  if (significant) return { verdict: 'slight', reason: `real but small: ${why}` };
  return { verdict: 'same', reason: 'no more than chance' };
}

function mixed({ side, share, example }: TextsAmongNumbers): string {
  const other = side === 'current' ? 'reference' : 'current';
  return `numbers in the ${other} file, but texts in ${percent(share)} of the rows of the ${side} one, such as "${example}"`;
}

/** What changed most plainly. */
function changeOf({
  summary,
  newLevels,
  vanishedLevels,
  histogram,
  kind,
}: Omit<ColumnComparison, 'verdict' | 'reason'>): string {
  const found: string[] = [];
  if (kind === 'numeric' && summary !== null) {
    const { reference: before, current: now } = summary;
    found.push(`mean ${number(before.mean)} to ${number(now.mean)}`);
    const ratio = now.deviation / before.deviation;
    if (ratio > 1.2 || ratio < 1 / 1.2) found.push(`deviation ${number(before.deviation)} to ${number(now.deviation)}`);
  } else if (histogram !== null && histogram.levels !== null) {
    const { levels, reference, current } = histogram;
    const most = levels.reduce(
      (best, _, i) => (Math.abs(current[i]! - reference[i]!) > Math.abs(current[best]! - reference[best]!) ? i : best),
      0,
    );
    found.push(`"${levels[most]!}" ${percent(reference[most]!)} to ${percent(current[most]!)}`);
    if (newLevels.length > 0) found.push(`new: ${newLevels.slice(0, 3).join(', ')}`);
    if (vanishedLevels.length > 0) found.push(`gone: ${vanishedLevels.slice(0, 3).join(', ')}`);
  }
  return found.join(', ');
}

export function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}

import { createDetector, detectors } from '@gyre/drift';
import { GyreError } from '@gyre/contracts/errors';
import { UsageError } from '../failures.js';
import { cellNumber } from './decimal.js';

/** Where a detector found a change. */
export interface Detection {
  /** 0-based: the value at which it was certain. */
  row: number;
  verdict: 'warning' | 'drift';
}

/** A detector as the command line names it. */
export interface NamedDetector {
  name: string;
  /** All that are in force, defaults included. */
  options: Record<string, unknown>;
}

/**
 * @param name of a detector, in any spelling: `page-hinkley`, `PageHinkley`, `page_hinkley`
 * @param params `name=value`, each name in any spelling
 * @throws UsageError that says which there are
 */
export function namedDetector(name: string, params: readonly string[]): NamedDetector {
  const known = Object.keys(detectors) as (keyof typeof detectors)[];
  const found = known.find((one) => plain(one) === plain(name));
  if (found === undefined) throw new UsageError(`no detector is called "${name}"; there are: ${known.join(', ')}`);
  const defaults: Record<string, unknown> = detectors[found].defaults;
  const given: Record<string, unknown> = {};
  for (const param of params) {
    const [, key, text] = /^([^=]+)=(.*)$/s.exec(param) ?? [];
    if (key === undefined || text === undefined)
      throw new UsageError(`--param takes NAME=VALUE, such as delta=0.002, and not "${param}"`);
    const option = Object.keys(defaults).find((one) => plain(one) === plain(key));
    if (option === undefined)
      throw new UsageError(`${found} has no parameter "${key}"; it has: ${described(defaults)}`);
    given[option] = valueOf(text);
  }
  try {
    createDetector(found, given);
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
  return { name: found, options: { ...defaults, ...given } };
}

/**
 * Runs a detector over lines of one number each.
 *
 * @param lines in batches, as they come
 * @param found is told of each detection at once
 * @returns how many values there were
 * @throws GyreError BAD_REQUEST with the line that holds no number, or none that the detector takes
 */
export async function detectIn(
  { name, options }: NamedDetector,
  lines: AsyncIterable<readonly string[]>,
  found: (detection: Detection) => void,
): Promise<number> {
  const detector = createDetector(name, options);
  let row = 0;
  let blank: number | undefined;
  for await (const batch of lines) {
    for (const text of batch) {
      const line = row + 1;
      // Blank lines may end the input; elsewhere a value is missing, and the rows after it would have the wrong numbers.
      if (blank !== undefined && text.trim() !== '') throw refused(blank, 'it is blank; each line holds one number');
      if (text.trim() === '') {
        blank ??= line;
        continue;
      }
      // As in data files: what Number would take besides, such as 0x10, is a slip.
      const value = cellNumber(text);
      if (typeof value !== 'number')
        throw refused(line, `"${text.trim().slice(0, 40)}" is no finite number; each line holds one number`);
      const verdict = updated(() => detector.update(value), line);
      if (verdict !== 'stable') found({ row, verdict });
      row += 1;
    }
  }
  if (row === 0)
    throw new GyreError('BAD_REQUEST', 'there is no value to look at: standard input takes one number a line');
  return row;
}

function updated<T>(update: () => T, line: number): T {
  try {
    return update();
  } catch (error) {
    throw error instanceof RangeError ? refused(line, error.message) : error;
  }
}

function refused(line: number, what: string): GyreError {
  return new GyreError('BAD_REQUEST', `line ${line}: ${what}`, { line });
}

function valueOf(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  if (text === 'null') return null;
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

function described(defaults: Record<string, unknown>): string {
  return Object.entries(defaults)
    .map(([name, value]) => `${name} (default ${String(value)})`)
    .join(', ');
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, '');
}

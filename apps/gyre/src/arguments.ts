import { InvalidArgumentError } from 'commander';
import { durationMs, type LabelValue } from '@gyre/contracts';
import { UsageError } from './failures.js';

/** Parsers of options and arguments; what they throw, commander reports as a usage error. */

export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number ${range}.`);
  };
}

/** A version as people write it: 3 or v3. */
export function versionArgument(text: string): number {
  return wholeNumber(1)(text.replace(/^v/, ''));
}

/** A reason says something. */
export function reasonArgument(text: string): string {
  if (text.trim() !== '') return text;
  throw new InvalidArgumentError('It must say why, such as "the new one is too slow".');
}

/** A moment as ISO 8601, answered in its full UTC form. */
export function instantArgument(text: string): string {
  const ms = instantMs(text);
  if (ms !== undefined) return new Date(ms).toISOString();
  throw new InvalidArgumentError(
    'It must be an ISO 8601 date, or date and time with its zone, such as 2026-11-22T14:05:00Z.',
  );
}

/** UTC milliseconds of a date (midnight UTC), or of a date and time that names its zone; undefined for anything else. */
export function instantMs(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2}))?$/i.test(text)) return undefined;
  const ms = Date.parse(text.replace(' ', 'T'));
  return Number.isNaN(ms) ? undefined : ms;
}

export function durationArgument(text: string): number {
  const ms = durationMs(text);
  if (ms !== undefined && ms >= 1) return ms;
  throw new InvalidArgumentError('It must be a number and ms, s, m, h or d, such as 30m.');
}

/** A label as JSON reads it (1, true, "up"); anything else is a string. */
export function labelArgument(text: string): LabelValue {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') return value;
  } catch {
    // A bare word.
  }
  return text;
}

/** Features as a JSON object or array. @param option its name, for what is wrong with it */
export function jsonArgument(option: string): (text: string) => object {
  return (text) => {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw new UsageError(`${option} is not JSON: ${(error as Error).message}`);
    }
    if (typeof value === 'object' && value !== null) return value;
    throw new UsageError(`${option} takes a JSON object {"view.field": 1.5, …} or an array [1.5, …]`);
  };
}

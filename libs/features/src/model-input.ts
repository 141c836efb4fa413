import type { FieldRules, FieldValue } from './field-rules.js';

/**
 * A feature's value as a model takes it: a float32, null where missing.
 *
 * Numbers are rounded to float32, null where that overflows, and 0 where it is -0, which Parquet does not tell from 0; false is 0 and true is 1; a text is its place in the field's enum, from 0.
 * A text that has no place there is missing. Serving and training sets encode alike.
 */
export function modelInput(value: FieldValue, rules: FieldRules): number | null {
  if (value === null) return null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  const number = typeof value === 'number' ? Math.fround(value) + 0 : (rules.enum?.indexOf(value) ?? -1);
  return Number.isFinite(number) && (typeof value === 'number' || number >= 0) ? number : null;
}

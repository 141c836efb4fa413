import { hasType, inRange, type FieldRules, type FieldValue } from './field-rules.js';
import type { HeldValue } from './online-row.js';

/** `missing`: no value, null, or one of a type that the view no longer has; `stale`: older than the time to live; `outOfRange`: present, but against the view's bounds. */
export type ReadStatus = 'present' | 'missing' | 'stale' | 'outOfRange';

export interface FeatureReading {
  /** null where missing or stale; a value out of range is given as it is. */
  value: FieldValue;
  status: ReadStatus;
  /** Request time less event time of the value, ms; null where none was ever seen. Negative where the request asks for a time before it. */
  ageMs: number | null;
}

/**
 * What a reader at a time gets of a field.
 *
 * @param at event time of the request, UTC milliseconds
 * @param ttl milliseconds; a value of exactly this age is still present
 */
export function readStatus(
  held: HeldValue | undefined,
  rules: FieldRules,
  ttl: number | undefined,
  at: number,
): FeatureReading {
  if (held === undefined) return { value: null, status: 'missing', ageMs: null };
  const { value } = held;
  const ageMs = at - held.occurredAt;
  if (value === null || !hasReadableType(value, rules)) return { value: null, status: 'missing', ageMs };
  if (ttl !== undefined && ageMs > ttl) return { value: null, status: 'stale', ageMs };
  return { value, status: inRange(value, rules) ? 'present' : 'outOfRange', ageMs };
}

/** A view may turn a float into an int: what is held then is still a number. */
function hasReadableType(value: FieldValue, rules: FieldRules): boolean {
  return hasType(value, rules.type === 'int' ? 'float' : rules.type);
}

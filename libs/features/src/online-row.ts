import type { FieldValue } from './field-rules.js';

/** A field's newest value by event time, and that time in UTC milliseconds. */
export interface HeldValue {
  value: FieldValue;
  occurredAt: number;
}

/** What the online store shows of one entity in one view. */
export type OnlineFields = Readonly<Record<string, HeldValue>>;

/**
 * The fields after an observation: per field the newest value by event time. A late event never overwrites a newer value;
 * of two events with the same time the later arrival wins.
 *
 * @param values the fields that the observation brought; others stay as they were
 * @returns the same object as `fields` where nothing has changed
 */
export function onlineRow(
  fields: OnlineFields,
  values: Readonly<Record<string, FieldValue>>,
  occurredAt: number,
): OnlineFields {
  const newer = Object.entries(values).filter(([field, value]) => {
    const held = Object.hasOwn(fields, field) ? fields[field] : undefined;
    if (held === undefined || held.occurredAt < occurredAt) return true;
    return held.occurredAt === occurredAt && held.value !== value;
  });
  if (newer.length === 0) return fields;
  return { ...fields, ...Object.fromEntries(newer.map(([field, value]) => [field, { value, occurredAt }])) };
}

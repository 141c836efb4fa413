import type { FeatureViewSpec } from '@gyre/contracts';
import { hasType, rulesOf, type FieldValue } from '@gyre/features';

const CHARACTERS_MAX = 2_000;
const MASK = '(private)';
/** What an event says in texts of its own, besides its values. */
const MEMBERS: ReadonlySet<string> = new Set(['id', 'view', 'entity', 'time', 'model', 'prediction', 'at']);
const TYPES: ReadonlySet<unknown> = new Set(['features', 'label']);

/** Whether any view has fields that nobody may see. */
export function anyPrivate(views: readonly FeatureViewSpec[]): boolean {
  return views.some(({ fields }) => Object.values(fields).some((field) => field.private));
}

/**
 * As much of a refused event as an operator may see. Where fields are private, or a view is not known, a text is shown only where the event
 * or its view has a place for just such a text: everything else may hold a private value, encoded twice or under a misspelt name.
 */
export function preview(bytes: Uint8Array, json: unknown, views: readonly FeatureViewSpec[]): string {
  const isDiscreet = anyPrivate(views);
  if (json !== undefined) {
    const members = Array.isArray(json) ? undefined : asObject(json);
    const view = views.find(({ name }) => name === members?.['view']);
    const isOpen = !isDiscreet && (view !== undefined || members?.['type'] === 'label');
    return JSON.stringify(isOpen ? json : masked(members, view)).slice(0, CHARACTERS_MAX);
  }
  // What is no JSON cannot be searched for its fields.
  if (isDiscreet) return `(${bytes.length} bytes, not shown: they may hold private fields)`;
  return new TextDecoder().decode(bytes.subarray(0, CHARACTERS_MAX));
}

function masked(members: Members | undefined, view: FeatureViewSpec | undefined): unknown {
  if (members === undefined) return MASK;
  const isLabel = members['type'] === 'label';
  return mapped(members, (name, member) => {
    if (name === 'type') return TYPES.has(member) ? member : MASK;
    if (name === 'values' && view !== undefined) return maskedValues(member, view);
    if (name === 'value' && isLabel) return typeof member === 'object' ? MASK : member;
    return MEMBERS.has(name) && typeof member === 'string' ? member : MASK;
  });
}

function maskedValues(values: unknown, view: FeatureViewSpec): unknown {
  const fields = Array.isArray(values) ? undefined : asObject(values);
  if (fields === undefined) return MASK;
  return mapped(fields, (name, value) => {
    const rules = rulesOf(view, name);
    if (rules === undefined || rules.private) return MASK;
    const isPlain = value === null || typeof value === 'number' || typeof value === 'boolean';
    return isPlain || hasType(value as FieldValue, rules.type) ? value : MASK;
  });
}

type Members = Record<string, unknown>;

function asObject(json: unknown): Members | undefined {
  return typeof json === 'object' && json !== null ? (json as Members) : undefined;
}

function mapped(members: Members, see: (name: string, member: unknown) => unknown): Members {
  return Object.fromEntries(Object.entries(members).map(([name, member]) => [name, see(name, member)]));
}

import type { FeatureViewSpec } from '@gyre/contracts';

const CHARACTERS_MAX = 2_000;
const MASK = '(private)';

/**
 * As much of a refused event as an operator may see: private fields are masked, wherever in the event they stand, and all values where
 * the view is not known.
 */
export function preview(bytes: Uint8Array, json: unknown, views: readonly FeatureViewSpec[]): string {
  const secret = new Set(
    views.flatMap(({ fields }) => Object.entries(fields).flatMap(([name, field]) => (field.private ? [name] : []))),
  );
  if (json !== undefined) {
    // Which values of an unknown view are private, nobody can say.
    if (!views.some(({ name }) => name === viewOf(json))) secret.add('values');
    return JSON.stringify(json, (key, value: unknown) => (secret.has(key) ? MASK : value)).slice(0, CHARACTERS_MAX);
  }
  // What is no JSON cannot be searched for its fields.
  if (secret.size > 0) return `(${bytes.length} bytes, not shown: they may hold private fields)`;
  return new TextDecoder().decode(bytes.subarray(0, CHARACTERS_MAX));
}

function viewOf(json: unknown): unknown {
  return typeof json === 'object' && json !== null ? (json as { view?: unknown }).view : undefined;
}

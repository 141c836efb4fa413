import type { FeatureViewSpec } from '@gyre/contracts';

const CHARACTERS_MAX = 2_000;
const MASK = '(private)';

/** As much of a refused event as an operator may see: private fields are masked, wherever in the event they stand. */
export function preview(bytes: Uint8Array, json: unknown, views: readonly FeatureViewSpec[]): string {
  const secret = new Set(
    views.flatMap(({ fields }) => Object.entries(fields).flatMap(([name, field]) => (field.private ? [name] : []))),
  );
  if (json !== undefined)
    return JSON.stringify(json, (key, value: unknown) => (secret.has(key) ? MASK : value)).slice(0, CHARACTERS_MAX);
  // What is no JSON cannot be searched for its fields.
  if (secret.size > 0) return `(${bytes.length} bytes, not shown: they may hold private fields)`;
  return new TextDecoder().decode(bytes.subarray(0, CHARACTERS_MAX));
}

import { classesOf, type ModelInForce } from '@gyre/contracts';

/**
 * What is answered for a row when no version can: by the first of the spec's rules that holds, else its default, the class with certainty or the value.
 * @param features row-major [rows, inputs], NaN is missing; null where they could not be looked up: then no rule about a value holds
 * @returns null where the spec refuses
 */
export function fallbackOf(
  spec: ModelInForce,
  features: Float32Array | null,
  row: number,
): { output: Float32Array; rule: boolean } | null {
  const { fallback } = spec;
  const rule = fallback?.rules?.find(({ when }) =>
    Object.entries(when).every(([name, { min, max, missing }]) => {
      const value = valueOf(spec, features, row, name);
      if (Number.isNaN(value)) return missing === true;
      return missing !== true && value >= (min ?? -Infinity) && value <= (max ?? Infinity);
    }),
  );
  if (rule !== undefined) return { output: outputOf(spec, rule.value), rule: true };
  if (fallback !== undefined && 'refuse' in fallback) return null;
  return { output: outputOf(spec, fallback?.value), rule: false };
}

function valueOf(spec: ModelInForce, features: Float32Array | null, row: number, name: string): number {
  const column = spec.inputs.findIndex(({ view, field }) => `${view}.${field}` === name);
  // A spec whose rules name what is no input is refused when it is applied.
  return column === -1 ? NaN : (features?.[row * spec.inputs.length + column] ?? NaN);
}

/** @param value undefined: the first class, or 0 */
function outputOf(spec: ModelInForce, value: string | number | boolean | undefined): Float32Array {
  const classes = classesOf(spec.label);
  if (classes.length === 0) return Float32Array.of(Number(value ?? 0));
  const output = new Float32Array(classes.length);
  // A spec whose fallback is no class is refused when it is applied.
  output[Math.max(0, value === undefined ? 0 : classes.indexOf(value))] = 1;
  return output;
}

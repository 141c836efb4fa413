import { binOf, isPresent, type ReferenceBins } from './reference-bins.js';

const FIRST = 48;

/** The character of a bin; that of a missing value is the one after the last. */
export function binCharacter(bin: number): string {
  return String.fromCharCode(FIRST + bin);
}

/**
 * A row as text, a character per feature: its bin of the reference. Rows of some features take little room so, and what is asked of them, how features hang
 * together, does not depend on their scale.
 *
 * @param row as many values as there are references; null and NaN are missing
 */
export function binnedRow(references: readonly Pick<ReferenceBins, 'edges'>[], row: ArrayLike<number | null>): string {
  let text = '';
  for (let f = 0; f < references.length; f += 1) {
    const { edges } = references[f]!;
    const value = row[f];
    text += binCharacter(isPresent(value) ? binOf(edges, value) : edges.length + 1);
  }
  return text;
}

/**
 * The rows of a text, put in order, so that it does not matter in which they were gathered: bins as numbers, NaN for missing, row-major.
 *
 * @param references as many as a row has features
 */
export function rowsOfBins(references: readonly Pick<ReferenceBins, 'edges'>[], text: string): Float64Array {
  const width = references.length;
  const rows = Array.from({ length: Math.floor(text.length / width) }, (_, i) =>
    text.slice(i * width, (i + 1) * width),
  ).sort();
  return Float64Array.from({ length: rows.length * width }, (_, i) => {
    const bin = rows[Math.floor(i / width)]!.charCodeAt(i % width) - FIRST;
    return bin > references[i % width]!.edges.length ? NaN : bin;
  });
}

/** What a span of bytes is, where it is no number: nothing or a word for nothing, or something else. */
export const MISSING = Symbol('missing');
export const TEXT = Symbol('text');

const [ZERO, PLUS, MINUS, POINT, LETTER_E] = [0x30, 0x2b, 0x2d, 0x2e, 0x65];
const POWERS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
/** Words that stand for no value, as pandas reads them. */
const MISSING_WORDS = new Set(['', 'na', 'n/a', 'nan', '-nan', 'null', 'none', '<na>', '#n/a']);
/** Veltkamp's constant: splits a double into two halves of 26 bits. */
const SPLITTER = 134217729;

/** Where the number that `decimal` read last ends: a second result without an object. */
export let decimalEnd = 0;

/**
 * The number that bytes spell from a place on, correctly rounded as `Number` does it, without making a string where that can be proved.
 * `decimalEnd` then is the first byte that does not belong to it. NaN where it cannot be read this way: `cellNumber` is to be asked.
 *
 * Up to 15 digits a single division or product of exact numbers is right (Clinger's fast path). Up to 19 digits it is done in pairs of doubles
 * (104 bits), and taken only where the error cannot reach the next rounding boundary.
 *
 * @param to bytes from here on are not looked at
 * @see W. D. Clinger (1990), How to read floating point numbers accurately, PLDI; T. J. Dekker (1971), Numerische Mathematik 18:224-242.
 */
export function decimal(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  const negative = bytes[at] === MINUS;
  if (negative) at += 1;
  const begun = at;
  while (at < to && bytes[at] === ZERO) at += 1;
  let high = 0; // The first 15 digits, exact,
  let low = 0; // and up to four more.
  let digits = 0;
  let digit = 0;
  for (; at < to && (digit = bytes[at]! - ZERO) >= 0 && digit <= 9; at += 1, digits += 1) {
    if (digits < 15) high = high * 10 + digit;
    else low = low * 10 + digit;
  }
  let seen = at - begun;
  let scale = 0;
  if (at < to && bytes[at] === POINT) {
    const point = at;
    at += 1;
    if (digits === 0) while (at < to && bytes[at] === ZERO) at += 1;
    for (; digits < 15 && at < to && (digit = bytes[at]! - ZERO) >= 0 && digit <= 9; at += 1, digits += 1)
      high = high * 10 + digit;
    for (; at < to && (digit = bytes[at]! - ZERO) >= 0 && digit <= 9; at += 1, digits += 1) low = low * 10 + digit;
    scale = point + 1 - at;
    seen -= scale;
  }
  decimalEnd = at;
  if (seen === 0 || digits > 19) return NaN;
  if (at < to && (bytes[at]! | 0x20) === LETTER_E) {
    const exponent = wholeNumber(bytes, at + 1, to);
    if (exponent !== exponent) return NaN;
    scale += exponent;
  }
  if (scale > 22 || scale < -22) return digits === 0 ? (negative ? -0 : 0) : NaN;
  let value: number;
  if (digits <= 15) value = scale < 0 ? high / POWERS[-scale]! : high * POWERS[scale]!;
  else value = scale > 0 ? NaN : quotient(high, POWERS[digits - 15]!, low, POWERS[-scale]!);
  return negative ? -value : value;
}

/** (high · shift + low) / divisor, correctly rounded, or NaN where that is not sure. All are exact whole numbers. */
function quotient(high: number, shift: number, low: number, divisor: number): number {
  const product = high * shift;
  const sum = product + low;
  const rest = low - (sum - product) + productError(high, shift, product);
  const first = sum / divisor;
  const multiple = first * divisor;
  const remainder = sum - multiple - productError(first, divisor, multiple) + rest;
  const second = remainder / divisor;
  const doubt = first * 2 ** -98;
  const value = first + (second + doubt);
  return value === first + (second - doubt) ? value : NaN;
}

/** a·b − fl(a·b), exactly. */
function productError(a: number, b: number, product: number): number {
  const bigA = SPLITTER * a;
  const bigB = SPLITTER * b;
  const a1 = bigA - (bigA - a);
  const b1 = bigB - (bigB - b);
  const a2 = a - a1;
  const b2 = b - b1;
  return a2 * b2 - (product - a1 * b1 - a2 * b1 - a1 * b2);
}

/** An exponent, and moves `decimalEnd` behind it. */
function wholeNumber(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  const negative = bytes[at] === MINUS;
  if (negative || bytes[at] === PLUS) at += 1;
  const begun = at;
  let value = 0;
  let digit = 0;
  for (; at < to && (digit = bytes[at]! - ZERO) >= 0 && digit <= 9; at += 1) value = value * 10 + digit;
  decimalEnd = at;
  if (at === begun) return NaN;
  return negative ? -value : value;
}

/** What a cell holds that `decimal` could not read: a finite number, `MISSING` (no value, NaN, an infinity) or `TEXT`. */
export function cellNumber(text: string): number | typeof MISSING | typeof TEXT {
  const cell = text.trim();
  if (isMissing(cell)) return MISSING;
  if (/^[+-]?(inf|infinity)$/i.test(cell)) return MISSING;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell)) return TEXT;
  const value = Number(cell);
  return Number.isFinite(value) ? value : MISSING;
}

/** Whether a cell says that there is no value. */
export function isMissing(cell: string): boolean {
  return cell.length <= 4 && MISSING_WORDS.has(cell.toLowerCase());
}

/** Below this the engine's own sort is as fast. */
const RADIX_FROM = 1000;

/**
 * Sorts numbers in place or into new memory: returns them rising. O(n): six passes of eleven bits over the numbers' bit patterns,
 * about twice as fast as the engine's sort at 100,000.
 *
 * @param values no NaN; may be overwritten
 * @see D. E. Knuth (1998), The Art of Computer Programming 3, section 5.2.5; M. Herf (2001), Radix Tricks, for the signs.
 */
export function sorted(values: Float64Array): Float64Array {
  if (values.length < RADIX_FROM || !littleEndian()) return values.sort();
  const n = 2 * values.length;
  let from: Uint32Array = new Uint32Array(values.buffer, values.byteOffset, n);
  let to: Uint32Array = new Uint32Array(n);
  const starts = countDigits(from);
  for (let pass = 0; pass < PASSES; pass += 1) {
    const place = starts.subarray(pass * DIGITS, (pass + 1) * DIGITS);
    if (!startPlaces(place, values.length)) continue;
    const word = pass < 3 ? 0 : 1;
    const shift = (pass % 3) * DIGIT_BITS;
    for (let i = 0; i < n; i += 2) {
      const digit = (from[i + word]! >>> shift) & (DIGITS - 1);
      const at = 2 * place[digit]!++;
      to[at] = from[i]!;
      to[at + 1] = from[i + 1]!;
    }
    [from, to] = [to, from];
  }
  for (let i = 1; i < n; i += 2) {
    const high = from[i]!;
    if (high >>> 31) {
      from[i] = high ^ SIGN;
    } else {
      from[i] = ~high;
      from[i - 1] = ~from[i - 1]!;
    }
  }
  return new Float64Array(from.buffer, from.byteOffset, values.length);
}

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;
/** Two words of 32 bits, three digits each; the third has ten bits. */
const PASSES = 6;
const SIGN = 0x80000000;

/** Turns the patterns into unsigned keys that sort as the numbers do, and counts how often each digit occurs at each place. */
function countDigits(words: Uint32Array): Int32Array {
  const counts = new Int32Array(PASSES * DIGITS);
  for (let i = 0; i < words.length; i += 2) {
    let low = words[i]!;
    let high = words[i + 1]!;
    if (high >>> 31) {
      high = ~high;
      low = ~low;
    } else {
      high ^= SIGN;
    }
    words[i] = low;
    words[i + 1] = high;
    counts[low & (DIGITS - 1)]! += 1;
    counts[DIGITS + ((low >>> DIGIT_BITS) & (DIGITS - 1))]! += 1;
    counts[2 * DIGITS + (low >>> (2 * DIGIT_BITS))]! += 1;
    counts[3 * DIGITS + (high & (DIGITS - 1))]! += 1;
    counts[4 * DIGITS + ((high >>> DIGIT_BITS) & (DIGITS - 1))]! += 1;
    counts[5 * DIGITS + (high >>> (2 * DIGIT_BITS))]! += 1;
  }
  return counts;
}

/** Turns counts into the places where each digit's keys begin; false if all keys have the same digit and nothing is to be moved. */
function startPlaces(counts: Int32Array, all: number): boolean {
  let start = 0;
  for (let digit = 0; digit < DIGITS; digit += 1) {
    const count = counts[digit]!;
    if (count === all) return false;
    counts[digit] = start;
    start += count;
  }
  return true;
}

function littleEndian(): boolean {
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
}

/**
 * The gamma function and its relatives, in doubles.
 *
 * @see NIST Digital Library of Mathematical Functions, chapters 5 and 8: 5.11.1 (Stirling), 8.11.4 (series), 8.9.2 (continued fraction).
 */

const HALF_LOG_TWO_PI = 0.9189385332046727;

/** Stirling's series needs an argument of at least this for full precision with the terms below. */
const STIRLING_FROM = 10;

/**
 * ln Γ(x) for x > 0; relative error about 1e-15 away from its zeros at 1 and 2.
 *
 * @throws RangeError unless x > 0
 */
export function logGamma(x: number): number {
  if (!(x > 0)) throw new RangeError(`logGamma takes a positive argument, got ${x}`);
  let shift = 0;
  let z = x;
  for (; z < STIRLING_FROM; z += 1) shift += Math.log(z);
  return (z - 0.5) * Math.log(z) - z + HALF_LOG_TWO_PI + stirlingTail(z) - shift;
}

/** ln Γ(x) − x ln x + x for x > 0, without the cancellation of the large terms. */
export function logGammaRemainder(x: number): number {
  if (x < STIRLING_FROM) return logGamma(x) - x * Math.log(x) + x;
  return HALF_LOG_TWO_PI - 0.5 * Math.log(x) + stirlingTail(x);
}

function stirlingTail(x: number): number {
  const y = 1 / (x * x);
  const series =
    1 / 12 + y * (-1 / 360 + y * (1 / 1260 + y * (-1 / 1680 + y * (1 / 1188 + y * (-691 / 360360 + y / 156)))));
  return series / x;
}

/** Regularised incomplete gamma functions P(a, x) = γ(a, x)/Γ(a) and Q = 1 − P, for a > 0, x ≥ 0; each exact where it is small. */
export function incompleteGamma(a: number, x: number): { lower: number; upper: number } {
  if (!(a > 0 && x >= 0)) throw new RangeError(`incompleteGamma takes a > 0 and x >= 0, got ${a} and ${x}`);
  if (x === 0) return { lower: 0, upper: 1 };
  if (x === Infinity) return { lower: 1, upper: 0 };
  // x^a e^−x/Γ(a), by its logarithm about x = a so that large arguments do not cancel.
  const ratio = (x - a) / a;
  const front = Math.exp(a * (Math.log1p(ratio) - ratio) - logGammaRemainder(a));
  if (x < a + 1) {
    const lower = Math.min(1, front * lowerSeries(a, x));
    return { lower, upper: 1 - lower };
  }
  const upper = Math.min(1, front * upperFraction(a, x));
  return { lower: 1 - upper, upper };
}

function lowerSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = a + 1; term > sum * 1e-17; n += 1) {
    term *= x / n;
    sum += term;
  }
  return sum;
}

/** Lentz's method for the continued fraction of Γ(a, x) x^−a e^x. */
function upperFraction(a: number, x: number): number {
  const tiny = 1e-300;
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let h = d;
  for (let i = 1; ; i += 1) {
    const an = -i * (i - a);
    b += 2;
    d = an * d + b;
    if (Math.abs(d) < tiny) d = tiny;
    c = b + an / c;
    if (Math.abs(c) < tiny) c = tiny;
    d = 1 / d;
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < 1e-16) return h;
  }
}

/**
 * P(X ≥ statistic) for a chi-square X.
 *
 * @param degreesOfFreedom above 0; with 0 nothing can differ and the result is 1
 */
export function chiSquareSurvival(statistic: number, degreesOfFreedom: number): number {
  if (degreesOfFreedom === 0) return 1;
  return incompleteGamma(degreesOfFreedom / 2, statistic / 2).upper;
}

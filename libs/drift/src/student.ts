import { logGamma, logGammaRemainder } from './gamma.js';

/**
 * P(|T| ≥ |t|) for Student's t; exact where it is small.
 *
 * @param degreesOfFreedom above 0, not necessarily whole
 * @see NIST Digital Library of Mathematical Functions, 8.17.1 and 8.17.22: I_x(ν/2, 1/2) at x = ν/(ν + t²).
 */
export function studentTwoSided(t: number, degreesOfFreedom: number): number {
  if (t === 0) return 1;
  if (!Number.isFinite(t)) return 0;
  const square = (t * t) / degreesOfFreedom;
  return incompleteBeta(degreesOfFreedom / 2, 0.5, -Math.log1p(square), Math.log(square) - Math.log1p(square));
}

/** The regularised incomplete beta function I_x(a, b), by the logarithms of x and 1 − x. */
function incompleteBeta(a: number, b: number, logX: number, logRest: number): number {
  const x = Math.exp(logX);
  const front = Math.exp(a * logX + b * logRest - logBeta(a, b));
  if (x < (a + 1) / (a + b + 2)) return (front * betaFraction(a, b, x)) / a;
  return 1 - (front * betaFraction(b, a, Math.exp(logRest))) / b;
}

/** ln B(a, b), without the cancellation of ln Γ(a) and ln Γ(a + b) when a is large. */
function logBeta(a: number, b: number): number {
  const large = logGammaRemainder(a) - logGammaRemainder(a + b);
  return logGamma(b) + large + b - b * Math.log(a + b) - a * Math.log1p(b / a);
}

/** Lentz's method for the continued fraction of the incomplete beta function. */
function betaFraction(a: number, b: number, x: number): number {
  const tiny = 1e-300;
  const away = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let k = 1; ; k += 1) {
    const even = (k * (b - k) * x) / ((a + 2 * k - 1) * (a + 2 * k));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    h *= d * c;
    const odd = (-(a + k) * (a + b + k) * x) / ((a + 2 * k) * (a + 2 * k + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < 1e-16) return h;
  }
}

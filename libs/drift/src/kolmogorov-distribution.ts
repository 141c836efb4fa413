/**
 * P(√n D ≥ x) in the limit of many rows, for the one-sample Kolmogorov–Smirnov statistic; also of the two-sample one, with n = n₁n₂/(n₁ + n₂).
 *
 * @see A. N. Kolmogorov (1933); N. Smirnov (1948), Annals of Mathematical Statistics 19:279-281.
 */
export function kolmogorovLimit(x: number): number {
  if (!(x > 0)) return 1;
  let sum = 0;
  if (x < 1) {
    // The other form of the same theta function, which converges where this one does not.
    const q = (-Math.PI * Math.PI) / (8 * x * x);
    for (let k = 1; k <= 9; k += 2) sum += Math.exp(q * k * k);
    return 1 - (Math.sqrt(2 * Math.PI) / x) * sum;
  }
  for (let k = 1; k <= 9; k += 1) sum += (k % 2 === 1 ? 2 : -2) * Math.exp(-2 * k * k * x * x);
  return sum;
}

/**
 * P(D ≥ d) for the two-sided one-sample Kolmogorov–Smirnov statistic of n values. Exact up to n = 140 and in the tails; in between by
 * an asymptotic series whose error is about 1e-8 and falls with n.
 *
 * The choice of method follows scipy 1.17, so that the numbers do: its "asymptotic" two-sample p-value is this function.
 *
 * @see R. Simard, P. L'Ecuyer (2011), Computing the Two-Sided Kolmogorov–Smirnov Distribution, Journal of Statistical Software 39(11).
 */
export function kolmogorovSurvival(n: number, d: number): number {
  if (d >= 1) return 0;
  const t = n * d;
  if (t <= 0.5) return 1;
  // Ruben and Gambino: closed forms at both ends.
  if (t <= 1) return 1 - Math.exp(logFactorialRatio(n) + n * Math.log(2 * t - 1));
  if (t >= n - 1) return 2 * (1 - d) ** n;
  const square = t * d;
  if (d >= 0.5 || (n <= 140 && square > 4)) return 2 * smirnovSurvival(n, d);
  if (n <= 140) return 1 - matrixPower(n, d);
  if (square >= 370) return 0;
  if (square >= 2.2) return Math.min(1, 2 * smirnovSurvival(n, d));
  // With so small a d nearly every sample exceeds it; and the matrix would be large.
  if (square < 0.04) return 1;
  return 1 - (n <= 10_000 && n * d ** 1.5 <= 1.4 ? matrixPower(n, d) : pelzGood(n, d));
}

/** ln(n!/nⁿ). */
function logFactorialRatio(n: number): number {
  let sum = 0;
  for (let i = 1; i <= n; i += 1) sum += Math.log(i / n);
  return sum;
}

/**
 * P(D⁺ ≥ d), one-sided and exact.
 *
 * @see Z. W. Birnbaum, F. H. Tingey (1951), Annals of Mathematical Statistics 22:592-596.
 */
function smirnovSurvival(n: number, d: number): number {
  let sum = 0;
  let logChoose = 0;
  const last = Math.floor(n * (1 - d));
  for (let j = 0; j <= last; j += 1) {
    if (j > 0) logChoose += Math.log((n - j + 1) / j);
    const above = d + j / n;
    const below = 1 - above;
    if (below <= 0) break;
    sum += Math.exp(logChoose + (j - 1) * Math.log(above) + (n - j) * Math.log(below));
  }
  return d * sum;
}

/**
 * P(D ≤ d), exact: the middle entry of the n-th power of a matrix of order 2⌈nd⌉ − 1.
 *
 * @see G. Marsaglia, W. W. Tsang, J. Wang (2003), Evaluating Kolmogorov's Distribution, Journal of Statistical Software 8(18).
 */
function matrixPower(n: number, d: number): number {
  const k = Math.floor(n * d) + 1;
  const m = 2 * k - 1;
  const h = k - n * d;
  const matrix = new Float64Array(m * m);
  for (let i = 0; i < m; i += 1) for (let j = 0; j < m; j += 1) matrix[i * m + j] = i - j + 1 < 0 ? 0 : 1;
  for (let i = 0; i < m; i += 1) {
    matrix[i * m]! -= h ** (i + 1);
    matrix[(m - 1) * m + i]! -= h ** (m - i);
  }
  matrix[(m - 1) * m]! += 2 * h - 1 > 0 ? (2 * h - 1) ** m : 0;
  for (let i = 0; i < m; i += 1) {
    for (let j = 0; j < m; j += 1) {
      for (let g = 1; g <= i - j + 1; g += 1) matrix[i * m + j]! /= g;
    }
  }
  const power = raise(matrix, m, n);
  let probability = power.matrix[(k - 1) * m + k - 1]!;
  let exponent = power.exponent;
  for (let i = 1; i <= n; i += 1) {
    probability *= i / n;
    if (probability < SMALL) {
      probability *= LARGE;
      exponent -= 1;
    }
  }
  return probability * LARGE ** exponent;
}

const LARGE = 1e140;
const SMALL = 1e-140;

/** A matrix to a power, times LARGE^exponent. */
interface Scaled {
  matrix: Float64Array;
  exponent: number;
}

function raise(matrix: Float64Array, m: number, n: number): Scaled {
  if (n === 1) return { matrix, exponent: 0 };
  const half = raise(matrix, m, n >> 1);
  let product = multiply(half.matrix, half.matrix, m);
  let exponent = 2 * half.exponent;
  if (n % 2 === 1) product = multiply(matrix, product, m);
  const middle = (m >> 1) * m + (m >> 1);
  if (product[middle]! > LARGE) {
    product = product.map((entry) => entry * SMALL);
    exponent += 1;
  }
  return { matrix: product, exponent };
}

function multiply(a: Float64Array, b: Float64Array, m: number): Float64Array {
  const product = new Float64Array(m * m);
  for (let i = 0; i < m; i += 1) {
    for (let k = 0; k < m; k += 1) {
      const factor = a[i * m + k]!;
      if (factor === 0) continue;
      for (let j = 0; j < m; j += 1) product[i * m + j]! += factor * b[k * m + j]!;
    }
  }
  return product;
}

/**
 * P(D ≤ d) by the limit and three corrections in powers of 1/√n, as theta series that converge for small arguments.
 *
 * @see W. Pelz, I. J. Good (1976), Approximating the Lower Tail-Areas of the Kolmogorov–Smirnov One-Sample Statistic, JRSS B 38:152-156.
 */
function pelzGood(n: number, d: number): number {
  const z = Math.sqrt(n) * d;
  const z2 = z * z;
  const z4 = z2 * z2;
  const z6 = z4 * z2;
  const pi2 = Math.PI * Math.PI;
  const pi4 = pi2 * pi2;
  const q = Math.exp(-pi2 / 8 / z2);
  const terms = Math.ceil((16 * z) / Math.PI);
  let k0 = 0;
  let k1 = 0;
  let k2 = 0;
  let k3 = 0;
  for (let k = terms; k > 0; k -= 1) {
    const m2 = (2 * k - 1) ** 2;
    const m4 = m2 * m2;
    const step = q ** (8 * k);
    k0 = k0 * step + 1;
    k1 = k1 * step + (pi2 / 4) * m2 - z2;
    k2 = k2 * step + 6 * z6 + 2 * z4 + ((2 * z4 - 5 * z2) * pi2 * m2) / 4 + (pi4 * (1 - 2 * z2) * m4) / 16;
    k3 =
      k3 * step -
      30 * z6 -
      90 * z4 * z4 +
      (pi2 * (135 * z4 - 96 * z6) * m2) / 4 +
      (pi4 * (212 * z4 - 60 * z2) * m4) / 16 +
      (pi4 * pi2 * (5 - 30 * z2) * m4 * m2) / 64;
  }
  let extra2 = 0;
  let extra3 = 0;
  const whole = Math.exp(-pi2 / 2 / z2);
  for (let k = terms; k > 0; k -= 1) {
    const weight = k * k * whole ** (k * k);
    extra2 += weight;
    extra3 += (3 * z2 - pi2 * k * k) * weight;
  }
  const root = Math.sqrt(2 * Math.PI);
  k0 *= (q * root) / z;
  k1 *= (q * root) / (6 * z4);
  k2 = (k2 * q * root) / (72 * z6 * z) - (extra2 * pi2 * root) / (36 * z2 * z);
  k3 = (k3 * q * root) / (6480 * z6 * z4) + (extra3 * pi2 * root) / (216 * z6);
  return k0 + k1 / Math.sqrt(n) + k2 / n + k3 / n ** 1.5;
}

import { incompleteGamma, logGamma, logGammaRemainder } from './gamma.js';
import { requireOption } from './detector.js';

/**
 * A curve that a sum with sub-exponential increments, and so with bounded ones, ever crosses with probability at most `alpha`,
 * as a function of its intrinsic time v: the gamma-exponential mixture boundary. O(1) to evaluate.
 *
 * The paper's boundary is the root s of a mixture m(s, v) = 1/α. With r = ρ/c², k = (v + ρ)/c², y = s/c and
 * D(y) = y − k ln(1 + y/k), its logarithm is
 *
 *     ln m = D + ln P(k, k + y) + [ln Γ(k) − k ln k + k] − [ln Γ(r) − r ln r + r] − ln P(r, r)
 *
 * where P is the regularised incomplete gamma function. Chernoff's bound P(k, k + y) ≥ 1 − min(½, e^−D) replaces the one
 * term that stands in the way of a closed form. It errs to the safe side and widens the boundary by less than 1 % at alpha up to 0.025 (5 % at 0.1): then
 * D = ln(1 + e^T), with T what is left, and y follows from D by a few Newton steps, which descend from above, on the safe side as well.
 *
 * @see S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon (2021), Time-Uniform, Nonparametric, Nonasymptotic Confidence
 * Sequences, Annals of Statistics 49:1055-1080, Proposition 9 (the mixture) and section 3.5 (the choice of ρ).
 */
export class GammaExponentialBoundary {
  private readonly rho: number;
  private readonly constant: number;

  /**
   * @param alpha crossing probability, in (0, 1)
   * @param scale c: how far an increment may fall short of its prediction; above 0
   * @param tightestAt the intrinsic time at which the boundary is to be tightest; above 0
   */
  constructor(
    alpha: number,
    private readonly scale: number,
    tightestAt: number,
  ) {
    requireOption(alpha > 0 && alpha < 1, 'a crossing probability lies in (0, 1)', alpha);
    requireOption(scale > 0 && scale < Infinity, 'a scale is above 0', scale);
    this.rho = mixtureVariance(Math.min(0.5, 2 * alpha), tightestAt);
    const r = this.rho / scale ** 2;
    this.constant = logGamma(r) - r * Math.log(r) + r + Math.log(incompleteGamma(r, r).lower) - Math.log(alpha);
  }

  /** @param v intrinsic time, at least 0: the sum of squared prediction errors so far */
  at(v: number): number {
    const k = (v + this.rho) / this.scale ** 2;
    const t = this.constant - logGammaRemainder(k);
    const d = t > 0 ? t + Math.log1p(Math.exp(-t)) : t + Math.LN2;
    return this.scale * excess(k, d);
  }
}

/** The y > 0 with y − k ln(1 + y/k) = d. */
function excess(k: number, d: number): number {
  let y = d + Math.sqrt(d * d + 2 * k * d);
  for (let step = Infinity; step > 1e-12 * y; y -= step) {
    step = (y - k * Math.log1p(y / k) - d) * ((k + y) / y);
  }
  return y;
}

/**
 * The ρ with which a two-sided normal mixture of level alpha is about tightest at an intrinsic time.
 *
 * @see Howard et al. (2021), section 3.5, equation for ρ by the Lambert function, here by its first terms.
 */
export function mixtureVariance(alpha: number, tightestAt: number): number {
  requireOption(tightestAt > 0 && tightestAt < Infinity, 'the time to be tightest at is above 0', tightestAt);
  const log = 2 * Math.log(1 / alpha);
  return tightestAt / (log + Math.log1p(log));
}

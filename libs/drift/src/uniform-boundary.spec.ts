import { GammaExponentialBoundary, mixtureVariance } from './uniform-boundary.js';

/** ln of the mixture of exp(λs − ψ(λ)v) over λ, by the trapezium rule on 1 − cλ in (0, 1]; nothing of the closed form in it. */
function logMixture(s: number, v: number, c: number, rho: number): number {
  const r = rho / c ** 2;
  const steps = 200_000;
  let weights = 0;
  let mixture = 0;
  for (let i = 1; i <= steps; i += 1) {
    const u = i / steps;
    const weight = Math.exp((r - 1) * Math.log(u) - r * u) * (i === steps ? 0.5 : 1);
    const lambda = (1 - u) / c;
    const psi = (-Math.log(u) - (1 - u)) / c ** 2;
    weights += weight;
    mixture += weight * Math.exp(lambda * s - psi * v);
  }
  return Math.log(mixture / weights);
}

describe('GammaExponentialBoundary', () => {
  it('is the published boundary, to half a percent and on the safe side', () => {
    // `gamma_exponential_mixture_bound(100, alpha = 0.05, v_opt = 100, c = 2)` of the authors' package confseq.
    const published = 33.02017;
    const ours = new GammaExponentialBoundary(0.05, 2, 100).at(100);
    expect(ours).toBeGreaterThanOrEqual(published);
    expect(ours).toBeLessThan(published * 1.005);
  });

  it.each([
    [0.05, 1, 300, 1],
    [0.05, 1, 300, 50],
    [0.05, 1, 300, 3000],
    [0.001, 2, 100, 20],
    [0.1, 0.5, 30, 7],
  ])(
    'lies where the mixture reaches 1/alpha, or just above: alpha %p, scale %p, tightest at %p, v = %p',
    (alpha, c, at, v) => {
      const s = new GammaExponentialBoundary(alpha, c, at).at(v);
      const excess = logMixture(s, v, c, mixtureVariance(Math.min(0.5, 2 * alpha), at)) - Math.log(1 / alpha);
      expect(excess).toBeGreaterThan(-1e-3);
      expect(excess).toBeLessThan(0.25);
    },
  );

  it('rises with time and keeps its unit', () => {
    const boundary = new GammaExponentialBoundary(0.05, 2, 30);
    const scaled = new GammaExponentialBoundary(0.05, 20, 3000);
    let before = 0;
    for (const v of [0, 1e-6, 0.1, 1, 10, 1e3, 1e6, 1e9]) {
      expect(boundary.at(v)).toBeGreaterThan(before);
      expect(scaled.at(v * 100)).toBeCloseTo(10 * boundary.at(v), 6);
      before = boundary.at(v);
    }
  });
});

/** Places in (0, 1) and their weights, which sum to 1. */
export interface Quadrature {
  readonly nodes: Float64Array;
  readonly weights: Float64Array;
}

const KNOWN = new Map<number, Quadrature>();

/**
 * The quadrature of a polynomial over [0, 1] that is exact up to degree 2 points - 1.
 *
 * @see NIST Digital Library of Mathematical Functions, 3.5(v)
 */
export function gaussLegendre(points: number): Quadrature {
  const known = KNOWN.get(points);
  if (known !== undefined) return known;
  const nodes = new Float64Array(points);
  const weights = new Float64Array(points);
  for (let i = 0; i < points; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (points + 0.5));
    let slope = 1;
    for (let step = 1, round = 0; Math.abs(step) > 1e-16 && round < 50; round++) {
      let before = 1;
      let value = x;
      for (let k = 2; k <= points; k++) [before, value] = [value, ((2 * k - 1) * x * value - (k - 1) * before) / k];
      slope = (points * (x * value - before)) / (x * x - 1);
      step = value / slope;
      x -= step;
    }
    nodes[i] = (1 - x) / 2;
    weights[i] = 1 / ((1 - x * x) * slope * slope);
  }
  const quadrature = { nodes, weights };
  KNOWN.set(points, quadrature);
  return quadrature;
}

import { incompleteGamma } from './gamma.js';

/** P(Z ≥ z) for a standard normal Z; exact where it is small. */
export function normalSurvival(z: number): number {
  const { lower, upper } = incompleteGamma(0.5, (z * z) / 2);
  return z >= 0 ? upper / 2 : (1 + lower) / 2;
}

/** P(|Z| ≥ |z|). */
export function normalTwoSided(z: number): number {
  return incompleteGamma(0.5, (z * z) / 2).upper;
}

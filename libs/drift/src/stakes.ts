/**
 * The bets of e-detectors, as shares of the largest stake that cannot ruin a bet against the known level. For errors a share s is the rise of a rate p to
 * p + s(1 − p), so these reach from 0.2 → 0.212 to 0.2 → 0.84.
 */
export const STAKES = [0.8, 0.5, 0.3, 0.18, 0.1, 0.06, 0.03, 0.015] as const;

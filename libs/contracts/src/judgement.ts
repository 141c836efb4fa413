import type { DriftKind } from './lifecycle-events.js';

/*
 * What versions are judged by in more than one service. Were it other numbers in each, what the trainer promises would not be what the registry
 * admits and the drift monitor holds a version to, and a loss that is over for one service would go on for another.
 */

/** ONNX and trainer may differ by this much on any holdout row. */
export const ONNX_DIFFERENCE_MAX = 1e-5;

/** A regression's error or loss is cut at so many of its scales. */
export const SCALES_MAX = 5;

/** Incidents that stand for a loss: when one is over, so is what it said for training and for a rollout. */
export const LOSS_KINDS: ReadonlySet<DriftKind> = new Set(['concept', 'quality']);

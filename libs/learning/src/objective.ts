import type { Task } from './dataset.js';
import { sigmoid } from './link.js';

/**
 * What boosting lowers: a loss per row of the scores of its outputs.
 *
 * Scores are kept apart per output, each of shape [rows], and so are gradients and hessians.
 */
export interface Objective {
  /** How many scores a row has. */
  readonly outputs: number;
  /** The scores that fit best when features are not looked at. */
  readonly base: readonly number[];
  /** Whether trees can improve on `base` for this output: false when its labels are all the same. */
  learns(output: number): boolean;
  /** Called once a round, before the gradients of its outputs. */
  beginRound(scores: readonly Float64Array[]): void;
  gradients(output: number, scores: readonly Float64Array[], gradients: Float64Array, hessians: Float64Array): void;
}

/** @param columns classes, or 1 for a regression */
export function objectiveOf(task: Task, labels: Float64Array, columns: number): Objective {
  if (task === 'regression') return new SquaredLoss(labels);
  return task === 'binary' ? new LogisticLoss(labels) : new SoftmaxLoss(labels, columns);
}

/**
 * The share of each class among labels. A class that does not occur counts as half a row, so that its logarithm is
 * finite and a model that was never shown a class does not hold it for impossible.
 */
export function classPriors(labels: Float64Array, classes: number): Float64Array {
  const shares = new Float64Array(classes);
  for (const label of labels) shares[label]! += 1;
  let sum = 0;
  for (let k = 0; k < classes; k++) {
    if (shares[k] === 0) shares[k] = 0.5;
    sum += shares[k]!;
  }
  for (let k = 0; k < classes; k++) shares[k]! /= sum;
  return shares;
}

/** The mean without overflow; 0 of nothing; of equal labels exactly that label. */
export function meanOf(values: Float64Array): number {
  let mean = 0;
  for (let i = 0; i < values.length; i++) mean += (values[i]! - mean) / (i + 1);
  return mean;
}

function varies(labels: Float64Array): boolean {
  for (let i = 1; i < labels.length; i++) if (labels[i] !== labels[0]) return true;
  return false;
}

/** Half the squared error: gradient = score - label, hessian 1. */
class SquaredLoss implements Objective {
  readonly outputs = 1;
  readonly base: readonly number[];

  constructor(private readonly labels: Float64Array) {
    this.base = [meanOf(labels)];
  }

  learns(): boolean {
    return varies(this.labels);
  }

  beginRound(): void {}

  gradients(output: number, scores: readonly Float64Array[], gradients: Float64Array, hessians: Float64Array): void {
    const { labels } = this;
    const score = scores[output]!;
    for (let i = 0; i < labels.length; i++) {
      gradients[i] = score[i]! - labels[i]!;
      hessians[i] = 1;
    }
  }
}

/** The negative log-likelihood of 0/1 labels given log-odds: gradient p - y, hessian p (1 - p). */
class LogisticLoss implements Objective {
  readonly outputs = 1;
  readonly base: readonly number[];

  constructor(private readonly labels: Float64Array) {
    const [negative, positive] = classPriors(labels, 2);
    this.base = [Math.log(positive! / negative!)];
  }

  learns(): boolean {
    return varies(this.labels);
  }

  beginRound(): void {}

  gradients(output: number, scores: readonly Float64Array[], gradients: Float64Array, hessians: Float64Array): void {
    const { labels } = this;
    const score = scores[output]!;
    for (let i = 0; i < labels.length; i++) {
      const p = sigmoid(score[i]!);
      gradients[i] = p - labels[i]!;
      hessians[i] = p * (1 - p);
    }
  }
}

/**
 * The negative log-likelihood under softmax: gradient p_k - [y = k], hessian K/(K-1) p_k (1 - p_k).
 *
 * @see J. Friedman (2001), Greedy Function Approximation, algorithm 6, for the factor K/(K-1), which LightGBM uses too
 */
class SoftmaxLoss implements Objective {
  readonly outputs: number;
  readonly base: readonly number[];
  private readonly present: Uint8Array;
  private readonly probabilities: Float64Array[];

  constructor(
    private readonly labels: Float64Array,
    classes: number,
  ) {
    this.outputs = classes;
    this.base = Array.from(classPriors(labels, classes), Math.log);
    this.present = new Uint8Array(classes);
    for (const label of labels) this.present[label] = 1;
    this.probabilities = Array.from({ length: classes }, () => new Float64Array(labels.length));
  }

  learns(output: number): boolean {
    return this.present[output] === 1 && varies(this.labels);
  }

  beginRound(scores: readonly Float64Array[]): void {
    const { probabilities, outputs } = this;
    const rows = this.labels.length;
    const largest = new Float64Array(rows).fill(-Infinity);
    const sums = new Float64Array(rows);
    for (let k = 0; k < outputs; k++) {
      const score = scores[k]!;
      for (let i = 0; i < rows; i++) if (score[i]! > largest[i]!) largest[i] = score[i]!;
    }
    for (let k = 0; k < outputs; k++) {
      const score = scores[k]!;
      const own = probabilities[k]!;
      for (let i = 0; i < rows; i++) {
        const power = Math.exp(score[i]! - largest[i]!);
        own[i] = power;
        sums[i]! += power;
      }
    }
    for (let k = 0; k < outputs; k++) {
      const own = probabilities[k]!;
      for (let i = 0; i < rows; i++) own[i]! /= sums[i]!;
    }
  }

  gradients(output: number, _scores: readonly Float64Array[], gradients: Float64Array, hessians: Float64Array): void {
    const { labels } = this;
    const own = this.probabilities[output]!;
    const factor = this.outputs / (this.outputs - 1);
    for (let i = 0; i < labels.length; i++) {
      const p = own[i]!;
      gradients[i] = labels[i] === output ? p - 1 : p;
      hessians[i] = factor * p * (1 - p);
    }
  }
}

import type { Task } from './dataset.js';

/** 1 / (1 + e^-score), finite and without overflow for any score. */
export function sigmoid(score: number): number {
  return 1 / (1 + Math.exp(-score));
}

/** Replaces scores[from..to) by e^score / sum of e^score. */
function softmaxInPlace(scores: Float64Array, from: number, to: number): void {
  let largest = -Infinity;
  for (let i = from; i < to; i++) if (scores[i]! > largest) largest = scores[i]!;
  let sum = 0;
  for (let i = from; i < to; i++) {
    const power = Math.exp(scores[i]! - largest);
    scores[i] = power;
    sum += power;
  }
  for (let i = from; i < to; i++) scores[i]! /= sum;
}

/**
 * From scores to predictions: log-odds of shape [rows] become two columns of probabilities, scores of shape
 * [rows, classes] become probabilities by softmax, a regression's scores are its values. May reuse `scores`.
 */
export function linkInPlace(task: Task, scores: Float64Array, rows: number): Float64Array {
  if (task === 'regression') return scores;
  if (task === 'binary') {
    const probabilities = new Float64Array(2 * rows);
    for (let row = 0; row < rows; row++) {
      probabilities[2 * row] = sigmoid(-scores[row]!);
      probabilities[2 * row + 1] = sigmoid(scores[row]!);
    }
    return probabilities;
  }
  const classes = rows === 0 ? 0 : scores.length / rows;
  for (let row = 0; row < rows; row++) softmaxInPlace(scores, row * classes, (row + 1) * classes);
  return scores;
}

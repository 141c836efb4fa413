import type { Candidate } from '@gyre/contracts';

/** A trained version by its measures on the holdout, and those of its baseline. */
export function candidateOf(metrics: Candidate['metrics'], baseline: Candidate['baseline'] = {}): Candidate {
  return {
    name: 'trees',
    trainer: 'trees',
    trainingRows: 1_000,
    onnx: 'a'.repeat(64),
    manifest: 'b'.repeat(64),
    metrics,
    baseline,
    onnxDifferenceMax: 0,
  };
}

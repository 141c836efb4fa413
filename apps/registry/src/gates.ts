import { ONNX_DIFFERENCE_MAX, type Candidate, type Gate } from '@gyre/contracts';

/** A candidate must lose at most this share of what the trivial baseline loses: chance alone must not get a model near traffic. */
const BASELINE_SHARE_MAX = 0.98;

/** What every version must pass before it is scored on anybody's request. No gate, no promotion. */
export function gatesOf(candidate: Candidate): Gate[] {
  const { onnxDifferenceMax, metrics, baseline } = candidate;
  const loss = metrics['loss'] ?? null;
  const limit =
    baseline['loss'] === null || baseline['loss'] === undefined ? null : baseline['loss'] * BASELINE_SHARE_MAX;
  return [
    {
      name: 'onnx agrees',
      passed: onnxDifferenceMax !== null && onnxDifferenceMax <= ONNX_DIFFERENCE_MAX,
      value: onnxDifferenceMax,
      limit: ONNX_DIFFERENCE_MAX,
      detail: 'largest difference between the served graph and the trained model on the holdout',
    },
    {
      name: 'beats the baseline',
      passed: loss !== null && limit !== null && loss < limit,
      value: loss,
      limit,
      detail: 'loss on the holdout, against 98 % of what always answering the class shares or the mean loses',
    },
  ];
}

/** Why gates were not passed, for the timeline. */
export function failed(gates: readonly Gate[]): string {
  return gates
    .filter((gate) => !gate.passed)
    .map(
      (gate) =>
        `${gate.name} (${gate.value === null ? 'undefined' : gate.value.toPrecision(3)}, limit ${gate.limit === null ? 'undefined' : gate.limit.toPrecision(3)})`,
    )
    .join(', ');
}

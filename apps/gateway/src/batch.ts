import type { TensorValue } from '@gyre/model-runtime';
import type { ServedVersion } from './served-version.js';
import { joinedRows, sameColumns } from './tensor-request.js';

/** What the versions said of a batch of rows; row-major, [rows, outputs] each. */
export interface Scores {
  rows: number;
  output: Float32Array;
  /** All outputs by name, of a model that is asked by its own tensors. */
  tensors: Readonly<Record<string, TensorValue>> | null;
}

/** As much of a request as batching needs. */
export interface Batched {
  asked: { rows: number; tensors: readonly TensorValue[] | null };
  serving: unknown;
  version: ServedVersion | null;
  features: Float32Array | null;
  /** What was routed alike is shadowed alike. */
  route?: unknown;
}

/**
 * Requests for one version in one state of the table, together up to so many rows; a larger request goes alone. Those whose features could not
 * be had are apart.
 */
export function batches<T extends Batched>(turn: readonly T[], maxBatchSize: number): T[][] {
  const all: T[][] = [];
  const open: { like: T; batch: T[]; rows: number }[] = [];
  for (const request of turn) {
    const { rows } = request.asked;
    let current = open.find(({ like }) => goTogether(like, request));
    if (current === undefined) open.push((current = { like: request, batch: [], rows: 0 }));
    if (current.rows + rows > maxBatchSize) current.rows = 0;
    if (current.rows === 0) all.push((current.batch = []));
    current.batch.push(request);
    current.rows += rows;
  }
  return all;
}

function goTogether(a: Batched, b: Batched): boolean {
  if (a.serving !== b.serving || a.version !== b.version || a.route !== b.route) return false;
  const [ours, theirs] = [a.asked.tensors, b.asked.tensors];
  if (ours === null || theirs === null) return (a.features === null) === (b.features === null);
  return a.version?.tensors?.rowsIndependent === true && sameColumns(ours, theirs);
}

/**
 * Scores the rows of several requests at once.
 *
 * @param requests each with its features, row-major float32 of shape [rows, width], or its tensors
 * @param failed told where the version failed
 * @returns at once where the model runs on this thread; null where it failed
 */
export function scoreBatch(
  version: ServedVersion,
  requests: readonly Batched[],
  failed: (error: Error, version: ServedVersion) => void,
): Scores | null | Promise<Scores | null> {
  const rows = requests.reduce((sum, { asked }) => sum + asked.rows, 0);
  const scores = (outcome: Outcome): Scores => ({ rows, ...outcome });
  const miss = (error: unknown): null => {
    failed(error as Error, version);
    return null;
  };
  try {
    const outcome = asking(requests)(version, rows);
    return outcome instanceof Promise ? outcome.then(scores).catch(miss) : scores(outcome);
  } catch (error) {
    return miss(error);
  }
}

type Outcome = Pick<Scores, 'output' | 'tensors'>;
type Asking = (version: ServedVersion, rows: number) => Outcome | Promise<Outcome>;

/** How the requests' rows are put to a version: their features, or their tensors. */
function asking(requests: readonly Batched[]): Asking {
  if (requests[0]?.asked.tensors === null) {
    const features = joined(requests as readonly { features: Float32Array }[]);
    const outcome = (output: Float32Array): Outcome => ({ output, tensors: null });
    return (version, rows) => {
      const output = version.run(features, rows);
      return output instanceof Promise ? output.then(outcome) : outcome(output);
    };
  }
  const values = joinedRows(requests.map(({ asked }) => asked.tensors as readonly TensorValue[]));
  return (version, rows) => {
    const outcome = (tensors: Readonly<Record<string, TensorValue>>): Outcome => ({
      output: version.scoresIn(tensors, rows),
      tensors,
    });
    const tensors = version.call(values);
    return tensors instanceof Promise ? tensors.then(outcome) : outcome(tensors);
  };
}

function joined(requests: readonly { features: Float32Array }[]): Float32Array {
  if (requests.length === 1) return (requests[0] as { features: Float32Array }).features;
  const features = new Float32Array(requests.reduce((sum, request) => sum + request.features.length, 0));
  let at = 0;
  for (const request of requests) {
    features.set(request.features, at);
    at += request.features.length;
  }
  return features;
}

import type { TensorValue } from '@gyre/model-runtime';
import type { ServedVersion } from './served-version.js';
import { joinedRows, sameColumns } from './tensor-request.js';

/** What the versions said of a batch of rows; row-major, [rows, outputs] each. */
export interface Scores {
  rows: number;
  output: Float32Array;
  /** All outputs by name, of a model that is asked by its own tensors. */
  tensors: Readonly<Record<string, TensorValue>> | null;
  /** Shadows that failed are left out. */
  shadows: { version: number; output: Float32Array }[];
}

/** As much of a request as batching needs. */
export interface Batched {
  asked: { rows: number; tensors: readonly TensorValue[] | null };
  serving: unknown;
  version: ServedVersion | null;
  features: Float32Array | null;
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
  if (a.serving !== b.serving || a.version !== b.version) return false;
  const [ours, theirs] = [a.asked.tensors, b.asked.tensors];
  if (ours === null || theirs === null) return (a.features === null) === (b.features === null);
  return a.version?.tensors?.rowsIndependent === true && sameColumns(ours, theirs);
}

/**
 * Scores the rows of several requests at once, by the version that answers and then by its shadows.
 *
 * @param requests each with its features, row-major float32 of shape [rows, width], or its tensors
 * @param failed told of every version that failed
 * @returns at once where all models run on this thread; null where the answering version failed
 */
export function scoreBatch(
  version: ServedVersion,
  shadows: readonly ServedVersion[],
  requests: readonly Batched[],
  failed: (error: Error, version: ServedVersion) => void,
): Scores | null | Promise<Scores | null> {
  const ask = asking(requests);
  const rows = requests.reduce((sum, { asked }) => sum + asked.rows, 0);
  const run = (one: ServedVersion): Outcome | Promise<Outcome> => {
    const miss = (error: unknown): null => {
      failed(error as Error, one);
      return null;
    };
    try {
      const outcome = ask(one, rows);
      return outcome instanceof Promise ? outcome.catch(miss) : outcome;
    } catch (error) {
      return miss(error);
    }
  };
  const first = run(version);
  const others = shadows.map(run);
  const collect = (outcome: Outcome, beside: readonly Outcome[]): Scores | null => {
    if (outcome === null) return null;
    const scored = shadows.flatMap((shadow, i) => {
      const theirs = beside[i] ?? null;
      return theirs === null ? [] : [{ version: shadow.version, output: theirs.output }];
    });
    return { rows, ...outcome, shadows: scored };
  };
  if (first instanceof Promise || others.some((other) => other instanceof Promise)) {
    return Promise.all([first, Promise.all(others)]).then(([output, beside]) => collect(output, beside));
  }
  return collect(first, others as Outcome[]);
}

type Outcome = Pick<Scores, 'output' | 'tensors'> | null;
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

import type { ServedVersion } from './served-version.js';

/** What the versions said of a batch of rows; row-major, [rows, outputs] each. */
export interface Scores {
  rows: number;
  output: Float32Array;
  /** Shadows that failed are left out. */
  shadows: { version: number; output: Float32Array }[];
}

/** As much of a request as batching needs. */
export interface Batched {
  asked: { rows: number };
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
  return a.serving === b.serving && a.version === b.version && (a.features === null) === (b.features === null);
}

/**
 * Scores the rows of several requests at once, by the version that answers and then by its shadows.
 *
 * @param requests their features, row-major float32 of shape [rows, width]
 * @param failed told of every version that failed
 * @returns at once where all models run on this thread; null where the answering version failed
 */
export function scoreBatch(
  version: ServedVersion,
  shadows: readonly ServedVersion[],
  requests: readonly (Batched & { features: Float32Array })[],
  failed: (error: Error, version: ServedVersion) => void,
): Scores | null | Promise<Scores | null> {
  const features = joined(requests);
  const rows = requests.reduce((sum, { asked }) => sum + asked.rows, 0);
  const run = (one: ServedVersion): Outcome | Promise<Outcome> => {
    const miss = (error: unknown): null => {
      failed(error as Error, one);
      return null;
    };
    try {
      const output = one.run(features, rows);
      return output instanceof Promise ? output.catch(miss) : output;
    } catch (error) {
      return miss(error);
    }
  };
  const first = run(version);
  const others = shadows.map(run);
  const collect = (output: Outcome, beside: readonly Outcome[]): Scores | null => {
    if (output === null) return null;
    const scored = shadows.flatMap((shadow, i) => {
      const theirs = beside[i] ?? null;
      return theirs === null ? [] : [{ version: shadow.version, output: theirs }];
    });
    return { rows, output, shadows: scored };
  };
  if (first instanceof Promise || others.some((other) => other instanceof Promise)) {
    return Promise.all([first, Promise.all(others)]).then(([output, beside]) => collect(output, beside));
  }
  return collect(first, others as Outcome[]);
}

type Outcome = Float32Array | null;

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

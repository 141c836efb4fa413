import type { TensorValue } from '@gyre/model-runtime';
import type { ServedVersion } from './served-version.js';
import { joinedRows, rowsOf, sameColumns, type TensorOptions } from './tensor-request.js';

/** What the versions said of a batch of rows; row-major, [rows, outputs] each. */
export interface Scores {
  rows: number;
  output: Float32Array;
  /** All outputs by name, of a model that is asked by its own tensors. */
  tensors: Readonly<Record<string, TensorValue>> | null;
}

/** As much of a request as batching needs. */
export interface Batched {
  asked: { rows: number; tensors: readonly TensorValue[] | null; options: TensorOptions | null };
  serving: unknown;
  version: ServedVersion | null;
  features: Float32Array | null;
  /** Until when an answer is worth anything, UTC milliseconds; absent: always. */
  deadlineAt?: number;
  /** What was routed alike is shadowed alike. */
  route?: unknown;
  /** Of requests that failed together and are tried apart, those that stay together. */
  part?: object;
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
  if (a.serving !== b.serving || a.version !== b.version || a.route !== b.route || a.part !== b.part) return false;
  const [ours, theirs] = [a.asked.tensors, b.asked.tensors];
  if (ours === null || theirs === null) return (a.features === null) === (b.features === null);
  if (a.asked.options !== null || b.asked.options !== null) return false;
  return a.version?.tensors?.rowsIndependent === true && sameColumns(ours, theirs);
}

/** Requests were put together, and their answers cannot be told apart. */
export class RowsMerged extends Error {
  constructor(version: ServedVersion) {
    super(
      `version ${version.version} of ${version.spec.name} answered with other rows than it was given; its requests are asked one by one`,
    );
  }
}

/**
 * Scores the rows of several requests at once.
 *
 * @param requests each with its features, row-major float32 of shape [rows, width], or its tensors
 * @param maxRows a request of more is scored part by part, with a turn of the loop between them, where the model can
 * @param failed told where the version failed
 * @returns at once where the model runs on this thread and the rows are no more; null where it failed
 */
export function scoreBatch(
  version: ServedVersion,
  requests: readonly Batched[],
  maxRows: number,
  failed: (error: Error, version: ServedVersion) => void,
): Scores | null | Promise<Scores | null> {
  const rows = requests.reduce((sum, { asked }) => sum + asked.rows, 0);
  const scores = (outcome: Outcome): Scores => ({ rows, ...outcome });
  const miss = (error: unknown): null => {
    failed(error as Error, version);
    return null;
  };
  // What holds for a request as a whole may have rows of its own.
  const hasOptions = requests.some(({ asked }) => asked.options !== null);
  const canSplit = !hasOptions && (version.tensors?.rowsIndependent ?? true);
  try {
    if (!canSplit && requests.length > 1) return oneByOne(version, requests, failed);
    const asking = asker(version, requests, rows);
    const outcome = canSplit && rows > maxRows ? inParts(asking, rows, maxRows) : asking(0, rows);
    return outcome instanceof Promise ? outcome.then(scores).catch(miss) : scores(outcome);
  } catch (error) {
    return miss(error);
  }
}

type Outcome = Pick<Scores, 'output' | 'tensors'>;
type Asking = (from: number, to: number) => Outcome | Promise<Outcome>;

/** How the requests' rows, or some of them, are put to a version: their features, or their tensors. */
function asker(version: ServedVersion, requests: readonly Batched[], all: number): Asking {
  // On the loop nothing waits, and no clock need be read.
  const withinMs = () => (version.runsOn === 'process' ? worthMs(requests) : undefined);
  if (requests[0]?.asked.tensors === null) {
    const features = joined(requests as readonly { features: Float32Array }[]);
    const width = features.length / all;
    const outcome = (output: Float32Array): Outcome => ({ output, tensors: null });
    return (from, to) => {
      const some = to - from === all ? features : features.slice(from * width, to * width);
      const output = version.run(some, to - from, withinMs());
      return output instanceof Promise ? output.then(outcome) : outcome(output);
    };
  }
  const values = joinedRows(requests.map(({ asked }) => asked.tensors as readonly TensorValue[]));
  return (from, to) => {
    const rows = to - from;
    const outcome = (tensors: Readonly<Record<string, TensorValue>>): Outcome => {
      const mustKeep = requests.length > 1 || rows < all;
      if (mustKeep && !version.keepsRows(tensors, rows)) throw new RowsMerged(version);
      return { output: version.scoresIn(tensors, rows), tensors };
    };
    const rowsAsked = rows === all ? values : rowsOf(values, all, from, rows);
    const tensors = version.call(rowsAsked, requests[0]?.asked.options, withinMs());
    return tensors instanceof Promise ? tensors.then(outcome) : outcome(tensors);
  };
}

function worthMs(requests: readonly Batched[]): number {
  return Math.max(...requests.map(({ deadlineAt = Infinity }) => deadlineAt)) - Date.now();
}

/** A large request does not hold up the loop for all of its rows. */
async function inParts(asking: Asking, rows: number, maxRows: number): Promise<Outcome> {
  const parts: Outcome[] = [];
  try {
    for (let from = 0; from < rows; from += maxRows) {
      if (from > 0) await new Promise((resolve) => setImmediate(resolve));
      parts.push(await asking(from, Math.min(rows, from + maxRows)));
    }
  } catch (error) {
    if (error instanceof RowsMerged) return asking(0, rows);
    throw error;
  }
  const [first] = parts as [Outcome];
  const output = joined(parts.map((part) => ({ features: part.output })));
  if (first.tensors === null) return { output, tensors: null };
  const names = Object.keys(first.tensors);
  const values = joinedRows(parts.map(({ tensors }) => names.map((name) => tensors?.[name] as TensorValue)));
  return { output, tensors: Object.fromEntries(names.map((name, i) => [name, values[i] as TensorValue])) };
}

/** The scores alone, of a version that was not made for batches. */
async function oneByOne(
  version: ServedVersion,
  requests: readonly Batched[],
  failed: (error: Error, version: ServedVersion) => void,
): Promise<Scores | null> {
  const all: Scores[] = [];
  for (const request of requests) {
    const scores = await scoreBatch(version, [request], Infinity, failed);
    if (scores === null) return null;
    all.push(scores);
  }
  const rows = all.reduce((sum, one) => sum + one.rows, 0);
  return { rows, output: joined(all.map(({ output }) => ({ features: output }))), tensors: null };
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

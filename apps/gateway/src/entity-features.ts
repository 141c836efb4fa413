import { GyreError, type FeatureStatus, type ModelInput, type OnlineFeatures, type OnlineRow } from '@gyre/contracts';
import { modelInput, type FieldRules } from '@gyre/features';
import { inTime } from '@gyre/platform';

/** The features of one request's entities as the model takes them, and what the online store said of them. */
export interface EntityFeatures {
  /** Row-major float32 of shape [entities, width]; NaN is missing. */
  features: Float32Array;
  /** For each entity, by view, the revision that was read. */
  seen: Record<string, number>[];
  /** The worst of all values. */
  status: FeatureStatus;
  /** Age of the oldest value, ms; null where none was ever seen. */
  ageMs: number | null;
}

/** A request's need of features. */
export interface EntityQuery {
  inputs: readonly ModelInput[];
  entities: readonly string[];
  /** Event time of the request, or of each entity's, UTC milliseconds. */
  at: number | readonly number[];
  /** Until when its caller waits, UTC milliseconds; Infinity where it did not say. */
  deadlineAt: number;
}

/**
 * Looks up the features of several requests, with one call for those of one model. A store that is silent, wherever it runs, holds up nobody for longer
 * than a look-up may take.
 *
 * @param now UTC milliseconds
 * @param withinMs how long a look-up may take
 * @returns for each query its features, or what failed
 */
export async function lookUp(
  store: OnlineFeatures,
  queries: readonly EntityQuery[],
  { now, withinMs }: { now: number; withinMs: number },
): Promise<(EntityFeatures | Error)[]> {
  const answers = new Array<EntityFeatures | Error>(queries.length);
  const one = async (indices: readonly number[]): Promise<void> => {
    const asked = indices.map((i) => queries[i] as EntityQuery);
    const [{ inputs, at: first }] = asked as [EntityQuery];
    const isOneTime = typeof first === 'number' && asked.every(({ at }) => at === first);
    const at = isOneTime ? first : asked.flatMap(timesOf);
    const entities = asked.flatMap((query) => query.entities);
    // One caller's haste is not the others': the look-up goes on as long as any of them waits.
    const latest = asked.reduce((until, query) => Math.max(until, query.deadlineAt), 0);
    const deadlineAt = Math.min(latest, now + withinMs);
    const leftMs = deadlineAt - now;
    try {
      const rows = await inTime(store.get({ inputs, entities, at, deadlineAt }), leftMs, () => silent(leftMs));
      let from = 0;
      for (const i of indices) {
        const query = queries[i] as EntityQuery;
        answers[i] = asFeatures(rows.slice(from, (from += query.entities.length)), inputs.length);
      }
    } catch (error) {
      for (const i of indices) answers[i] = error as Error;
    }
  };
  await Promise.all(grouped(queries).map(one));
  return answers;
}

function silent(forMs: number): GyreError {
  return new GyreError(
    'FEATURES_UNAVAILABLE',
    `the feature store was silent for ${Math.ceil(forMs)} ms: it, or the database that it reads from, is away or too slow`,
  );
}

/** Indices of the queries that one call can answer. */
function grouped(queries: readonly EntityQuery[]): number[][] {
  const groups: number[][] = [];
  for (const [i, { inputs }] of queries.entries()) {
    const group = groups.find(([first]) => queries[first as number]?.inputs === inputs);
    if (group === undefined) groups.push([i]);
    else group.push(i);
  }
  return groups;
}

function timesOf({ entities, at }: EntityQuery): readonly number[] {
  return typeof at === 'number' ? entities.map(() => at) : at;
}

function asFeatures(rows: readonly OnlineRow[], width: number): EntityFeatures {
  const features = new Float32Array(rows.length * width);
  let worst = 0;
  let ageMs: number | null = null;
  for (const [r, row] of rows.entries()) {
    for (let i = 0; i < width; i++) {
      features[r * width + i] = modelInput(row.values[i] ?? null, NUMBER) ?? NaN;
      worst = Math.max(worst, SEVERITY.indexOf(row.status[i] ?? 'missing'));
      const age = row.ageMs[i] ?? null;
      if (age !== null && (ageMs === null || age > ageMs)) ageMs = age;
    }
  }
  return { features, seen: rows.map((row) => row.seen), status: SEVERITY[worst] as FeatureStatus, ageMs };
}

/** From best to worst. */
const SEVERITY: readonly FeatureStatus[] = ['present', 'outOfRange', 'stale', 'missing'];

/** A number or truth value, encoded as training sets encode it. */
const NUMBER: FieldRules = { type: 'float', nullable: true, private: false };

import { setTimeout as sleep } from 'node:timers/promises';
import { topics, type Lifecycle } from '@gyre/contracts';
import { isOfSurroundings, publish, type Artifacts, type Job } from '@gyre/platform';
import type { SpecsByName } from './online-reader.js';
import type { Recipe } from './training-manifest.js';
import { HistoryIncomplete, type TrainingSet, type TrainingSets } from './training-set.js';

type Requested = Extract<Lifecycle, { type: 'TrainingRequested' }>;

export interface TrainingSettings {
  trainingRowsMin: number;
  historyWaitMs: number;
}

const ACTOR = 'feature-store';
const RETRY_MS = 100;
const BUILDS_MAX = 3;

/** A run that cannot go on, in words for the timeline. */
class Refused extends Error {}

/** lifecycle: a training was asked for -> its rows as an artifact, or the end of the run with the reason */
export function trainingSetJob(
  sets: TrainingSets,
  specs: SpecsByName,
  artifacts: Artifacts,
  settings: TrainingSettings,
): Job<never, Lifecycle> {
  return {
    name: 'feature-store.training-set',
    input: topics.lifecycle,
    wants: ({ type }) => type === 'TrainingRequested',
    async perform([record], { signal }) {
      const request = record?.event as Requested;
      try {
        const { data, manifest } = await built(sets, recipeFor(request, specs), settings, signal);
        const [dataHash, manifestHash] = [
          await artifacts.put(data),
          await artifacts.put(Buffer.from(JSON.stringify(manifest))),
        ];
        const { rows, digest, parityMismatches } = manifest;
        const event: Lifecycle = {
          ...decision(request),
          type: 'TrainingSetBuilt',
          reason: inWords(request, rows, parityMismatches),
          rows,
          data: dataHash,
          manifest: manifestHash,
          digest,
          parityMismatches,
          request,
        };
        return { publish: [publish(topics.lifecycle, event)] };
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        const event: Lifecycle = {
          ...decision(request),
          type: 'TrainingFinished',
          reason: `The run ended without a training set: ${error.message}.`,
          trigger: request.trigger,
          candidates: [],
          reference: [],
          failure: error.message,
        };
        return { publish: [publish(topics.lifecycle, event)] };
      }
    },
  };
}

function decision({ model, run, asOf }: Requested): { model: string; run: string; occurredAt: number; actor: string } {
  return { model, run, occurredAt: asOf, actor: ACTOR };
}

function inWords({ labels }: Requested, rows: number, mismatches: number): string {
  const parity =
    mismatches === 0
      ? 'each with the features that serving saw'
      : `but ${mismatches} of them differ from what serving saw, by the point-in-time join`;
  return `${rows} labelled predictions joined with their features (${labels} labels had come when the run was asked for): ${parity}.`;
}

function recipeFor({ model, asOf, rowsMax }: Requested, specs: SpecsByName): Recipe {
  const spec = specs.model(model);
  if (spec === undefined) throw new Refused(`no model named "${model}" has been applied`);
  const views: Record<string, Recipe['views'][string]> = {};
  for (const { view } of spec.inputs) {
    const found = specs.view(view);
    if (found === undefined) throw new Refused(`no feature view named "${view}" has been applied`);
    views[view] = { fields: found.fields, ttl: found.ttl };
  }
  return { model, asOf, rowsMax, inputs: spec.inputs, views };
}

/** Tries again what may pass; what does not ends the run, for a run without an end would keep every later one waiting. */
async function built(
  sets: TrainingSets,
  recipe: Recipe,
  settings: TrainingSettings,
  signal: AbortSignal,
): Promise<TrainingSet> {
  const deadline = performance.now() + settings.historyWaitMs;
  let failures = 0;
  for (;;) {
    try {
      return enough(await sets.build(recipe), settings.trainingRowsMin);
    } catch (error) {
      // A full disk or an absent server is waited for by the platform, however long it takes.
      if (error instanceof Refused || isOfSurroundings(error) || signal.aborted) throw error;
      if (error instanceof HistoryIncomplete) {
        if (performance.now() >= deadline) throw new Refused(`${error.message}, after ${settings.historyWaitMs} ms`);
      } else {
        failures += 1;
        if (failures >= BUILDS_MAX)
          throw new Refused(
            `building it failed ${failures} times: ${Error.isError(error) ? error.message : String(error)}`,
          );
      }
      await sleep(RETRY_MS, undefined, { signal });
    }
  }
}

function enough(set: TrainingSet, rowsMin: number): TrainingSet {
  const { rows, unusable } = set.manifest;
  if (rows >= rowsMin) return set;
  const more =
    unusable === 0
      ? ''
      : `; ${unusable} more cannot be used, for they brought other features than the model has now, had none that could be looked up, or have expired`;
  throw new Refused(`only ${rows} labelled predictions, ${rowsMin} are needed${more}`);
}

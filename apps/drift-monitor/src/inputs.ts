import { topics, type ModelInForce, type Predicted } from '@gyre/contracts';
import { publish, type Effects, type Task } from '@gyre/platform';
import { InputsPartial, type InputsPartialState } from './inputs-partial.js';
import { periodFor, phaseOf } from './season.js';
import { fitting, NO_TRAINING, type Training } from './trainings.js';

export interface InputsSettings {
  /** The specs in force; undefined for a model that was never applied. */
  model(name: string): ModelInForce | undefined;
  /** What a version was trained on, with an empty reference where that is not kept; undefined where the version is not known yet. */
  training(model: string, version: number): Training | undefined;
}

/** What is counted is told at a tick when it has so many rows or is so old, so that quiet models cost little. */
const ROWS_TOLD = 50;
const AGE_TOLD_MS = 10_000;
/** Predictions of a partition among which a repeat is told. */
const REPEATS_WITHIN = 5_000;

interface Counting {
  model: string;
  partials: InputsPartial[];
}

/**
 * predictions -> inputs: counts what each version is fed and answers, whether or not a label ever comes. One state per model and partition,
 * told at ticks; detect, which sees all partitions, adds them up.
 */
export const inputs = (settings: InputsSettings): Task<Counting, Predicted> => ({
  name: 'drift-monitor.inputs',
  inputs: [topics.predictions],
  stateKey: ({ model }) => model,
  // What a gateway's log holds twice, or a client asks again, is one prediction.
  distinct: { id: ({ id }) => id, within: REPEATS_WITHIN },
  // What a version was trained on comes by another way than its first prediction, and may come later.
  attempts: 8,
  codec: {
    load(json) {
      const { model, partials } = json as { model: string; partials: InputsPartialState[] };
      return {
        model,
        partials: partials.map((saved) => {
          const partial = begin(settings, model, saved.version, saved.phase);
          partial.restore(saved);
          return partial;
        }),
      };
    },
    save: ({ model, partials }) => ({ model, partials: partials.map((partial) => partial.state()) }),
  },
  handle(counting, predicted): Effects<Counting> {
    const { model, version, occurredAt, failure } = predicted;
    // Who was answered nothing was judged by no version, whichever was asked.
    if (version === null || failure !== undefined) return {};
    const state = counting ?? { model, partials: [] };
    const learned = settings.training(model, version)?.period ?? null;
    const phase = phaseOf(occurredAt, periodFor(settings.model(model)?.drift.seasonality ?? null, learned));
    let partial = state.partials.find((one) => one.version === version && one.phase === phase);
    if (partial === undefined) state.partials.push((partial = begin(settings, model, version, phase)));
    partial.add(predicted);
    return { state, wakeAt: 'nextTick' };
  },
  wake: (state, { now }) =>
    tell(
      state,
      state.partials.filter(({ rows, from }) => rows >= ROWS_TOLD || now - from >= AGE_TOLD_MS),
      now,
    ),
});

function begin(settings: InputsSettings, model: string, version: number, phase: number): InputsPartial {
  const spec = settings.model(model);
  // What was not trained here has nothing to be compared with but its own first answers.
  const training = spec?.imported === true ? NO_TRAINING : settings.training(model, version);
  if (spec === undefined || training === undefined)
    throw new Error(`version ${version} of model "${model}" is not known here yet`);
  return new InputsPartial(version, phase, fitting(training, spec).reference, spec);
}

function tell(state: Counting, due: readonly InputsPartial[], now: number): Effects<Counting> {
  const rest = state.partials.filter((partial) => !due.includes(partial));
  return {
    state: rest.length === 0 ? null : { ...state, partials: rest },
    ...(rest.length === 0 ? {} : { wakeAt: 'nextTick' as const }),
    publish: [publish(topics.inputs, ...due.map((partial) => partial.measured(state.model, now)))],
  };
}

import {
  encodeLabel,
  parsePredictionId,
  predictionTime,
  routingHash,
  topics,
  type DeadLetter,
  type LabelObserved,
  type LabelRules,
  type ModelInForce,
  type Outcome,
  type OutcomeKind,
  type Predicted,
} from '@gyre/contracts';
import { publish, type Context, type Effects, type Task } from '@gyre/platform';

/** What is known of one prediction. Kept until twice the label horizon after it, so that what comes late is still told apart. */
export type Joining =
  /** Labels that came before their prediction. */
  | { is: 'early'; labels: EarlyLabel[] }
  /** A prediction without a label. */
  | { is: 'waiting'; predicted: Predicted }
  /** A prediction whose label has come, or whose horizon has ended (then the label may be null). */
  | { is: 'closed'; model: string; predictedAt: number; label: number | null };

type Settled = Exclude<Joining, { is: 'early' }>;

interface EarlyLabel {
  label: LabelObserved;
  /** Where it lies, for the dead letter that it may become. */
  topic: string;
  partition: number;
  offset: number;
  /** So many more bore the same value, or that of one whose place this has taken. */
  repeated?: number;
  /** So many of other values came before it, after the last that is kept. */
  corrected?: number;
}

/** Of the labels for an id that nobody has seen, the first different ones are kept, and the newest in the last one's place. */
const EARLY_MAX = 8;

export interface JoinSettings {
  /** The specs in force; undefined for a model that was never applied. */
  model(name: string): ModelInForce | undefined;
  /** How long a label waits for a prediction that nobody has seen yet, where it names no model; ms. */
  unknownHorizonMs: number;
}

/**
 * predictions + feedback -> outcomes, by prediction id.
 *
 * The rules for labels: early, it waits for the horizon, then goes to the dead letters. The same again: counted. Another value: training only, the
 * newest counts. After the horizon: training only. None within the horizon: counts against coverage. By entity and time: the latest
 * prediction at or before that time.
 */
export const join = (settings: JoinSettings): Task<Joining, Predicted | LabelObserved> => ({
  name: 'drift-monitor.join',
  inputs: [topics.predictions, topics.feedback] as Task<Joining, Predicted | LabelObserved>['inputs'],
  stateKey: (event) => ('id' in event ? event.id : keyOf(event)),
  // A model's spec comes by another way than its first prediction, and may come later.
  attempts: 8,
  handle: (state, event, context) =>
    'id' in event ? predicted(state, event, settings) : labelled(state, event, context, settings),
  wake: (state, context) => woken(state, context.stateKey, settings),
});

function keyOf(label: LabelObserved) {
  if (label.prediction !== null) return label.prediction;
  const prefix = `${routingHash(label.model ?? '', label.entity ?? '')}.`;
  // No unique part sorts after the last code point.
  return { prefix, atOrBefore: `${prefix}${predictionTime(label.at ?? 0)}.\u{10ffff}` };
}

function predicted(state: Joining | undefined, event: Predicted, settings: JoinSettings): Effects<Joining> {
  if (event.failure !== undefined) return {}; // nobody was answered: no label will come
  const { label, horizon } = rulesOf(event.model, settings);
  if (state === undefined) return { state: { is: 'waiting', predicted: event }, wakeAt: event.occurredAt + horizon };
  if (state.is === 'waiting' && completes(event, state.predicted))
    return { state: { is: 'waiting', predicted: { ...state.predicted, shadows: event.shadows } } };
  if (state.is !== 'early') return {}; // a repeat of the same prediction
  const outcomes: Outcome[] = [];
  const letters: DeadLetter[] = [];
  let joining: Settled = { is: 'waiting', predicted: event };
  for (const early of state.labels) {
    const checked = check(early.label, event.model, label);
    if ('code' in checked) {
      letters.push(letterOf(early, event.id, checked));
      continue;
    }
    const [next, ...closed] = close(joining, event.id, checked.value, early.label.occurredAt, horizon);
    joining = next;
    outcomes.push(...closed, ...counted(early, closed.at(-1)!));
  }
  const closed = joining.is === 'closed';
  return {
    state: joining,
    wakeAt: event.occurredAt + (closed ? 2 : 1) * horizon,
    publish: [publish(topics.outcomes, ...outcomes), publish(topics.deadletter, ...letters)],
  };
}

/** Whether a repeat of a prediction brings the scores of shadows that a gateway took with it when it died between answering and scoring them. */
function completes(repeat: Predicted, first: Predicted): boolean {
  return (
    first.shadows.length === 0 &&
    repeat.shadows.length > 0 &&
    repeat.version === first.version &&
    repeat.rollout === first.rollout &&
    repeat.features.length === first.features.length &&
    repeat.features.every((value, i) => value === first.features[i])
  );
}

function labelled(
  state: Joining | undefined,
  event: LabelObserved,
  context: Context,
  settings: JoinSettings,
): Effects<Joining> {
  if (state === undefined) return unmatched(event, context, settings);
  if (state.is === 'early') {
    const { topic, partition, offset } = context;
    return { state: { is: 'early', labels: withEarly(state.labels, { label: event, topic, partition, offset }) } };
  }
  const model = state.is === 'waiting' ? state.predicted.model : state.model;
  const { label, horizon } = rulesOf(model, settings);
  const checked = check(event, model, label);
  if ('code' in checked) return refused(event, checked.code, checked.reason);
  const [next, ...outcomes] = close(state, context.stateKey ?? '', checked.value, event.occurredAt, horizon);
  const predictedAt = state.is === 'waiting' ? state.predicted.occurredAt : state.predictedAt;
  return { state: next, wakeAt: predictedAt + 2 * horizon, publish: [publish(topics.outcomes, ...outcomes)] };
}

/** The early labels of an id when another has come. They are bounded: which ids there will be, nobody knows. */
function withEarly(labels: readonly EarlyLabel[], next: EarlyLabel): EarlyLabel[] {
  const last = labels.at(-1)!;
  const others = labels.slice(0, -1);
  const repeated = last.repeated ?? 0;
  if (isSame(last.label, next.label)) return [...others, { ...last, repeated: repeated + 1 }];
  if (labels.length < EARLY_MAX) return [...labels, next];
  return [...others, { ...next, repeated, corrected: (last.corrected ?? 0) + 1 }];
}

function isSame(one: LabelObserved, other: LabelObserved): boolean {
  return one.model === other.model && String(one.value) === String(other.value);
}

/** Whether a label can be one of this model's, early or not. */
function check(
  event: LabelObserved,
  model: string,
  label: LabelRules,
): { value: number } | { code: string; reason: string } {
  if (event.model !== null && event.model !== model) {
    return {
      code: 'WRONG_MODEL',
      reason: `the prediction is of model "${model}", but the label names "${event.model}"`,
    };
  }
  const value = encodeLabel(label, event.value);
  if (value !== undefined) return { value };
  return {
    code: 'UNKNOWN_CLASS',
    reason: `${JSON.stringify(event.value)} is no label of model "${model}"; ${expected(label)}`,
  };
}

/** A label that waited in vain. */
function letterOf(
  { label, topic, partition, offset }: EarlyLabel,
  id: string,
  why: { code: string; reason: string },
): DeadLetter {
  const from = { group: 'drift-monitor.join', topic, partition, offset, key: id, occurredAt: label.occurredAt };
  return { ...from, ...why, attempts: 1, preview: JSON.stringify(label) };
}

/** What a label makes of a prediction, and the outcomes to tell of: one that is late has expired first, even where no tick has said so. */
function close(
  state: Settled,
  id: string,
  value: number,
  at: number,
  horizon: number,
): [Settled, Outcome] | [Settled, Outcome, Outcome] {
  const waiting = state.is === 'waiting';
  const model = waiting ? state.predicted.model : state.model;
  const predictedAt = waiting ? state.predicted.occurredAt : state.predictedAt;
  const before = waiting ? null : state.label;
  const kind = kindOf(waiting, before, value, at > predictedAt + horizon);
  const outcome: Outcome = {
    kind,
    model,
    prediction: id,
    occurredAt: at,
    label: value,
    predicted: kind === 'joined' && waiting ? state.predicted : null,
  };
  const closed: Settled = { is: 'closed', model, predictedAt, label: value };
  return waiting && kind === 'late' ? [closed, expired(id, model, predictedAt + horizon), outcome] : [closed, outcome];
}

/** What is told of an early label's like, of which nothing is kept but how many they were. */
function counted({ repeated = 0, corrected = 0 }: EarlyLabel, outcome: Outcome): Outcome[] {
  const one = { ...outcome, predicted: null };
  return [
    ...(corrected === 0 ? [] : [{ ...one, kind: 'corrected' as const, times: corrected }]),
    ...(repeated === 0 ? [] : [{ ...one, kind: 'repeated' as const, times: repeated }]),
  ];
}

function expired(id: string, model: string, occurredAt: number): Outcome {
  return { kind: 'expired', model, prediction: id, occurredAt, label: null, predicted: null };
}

function kindOf(waiting: boolean, before: number | null, value: number, isLate: boolean): OutcomeKind {
  if (before === value) return 'repeated';
  if (before !== null) return 'corrected';
  return waiting && !isLate ? 'joined' : 'late';
}

/** A label for which there is no prediction: it may be early; one for an entity had its chance. */
function unmatched(event: LabelObserved, context: Context, settings: JoinSettings): Effects<Joining> {
  if (event.prediction === null) {
    const at = new Date(event.at ?? 0).toISOString();
    return refused(
      event,
      'NO_PREDICTION',
      `no prediction for entity "${event.entity}" at or before ${at} is known within the label horizon`,
    );
  }
  const horizon = event.model === null ? settings.unknownHorizonMs : rulesOf(event.model, settings).horizon;
  const made = parsePredictionId(event.prediction)?.predictedAt ?? event.occurredAt;
  if (event.occurredAt > made + 2 * horizon) {
    return refused(
      event,
      'NO_PREDICTION',
      `the prediction ${event.prediction} is no longer kept: its label came more than twice the horizon after it`,
    );
  }
  const { topic, partition, offset } = context;
  return {
    state: { is: 'early', labels: [{ label: event, topic, partition, offset }] },
    wakeAt: Math.max(made, event.occurredAt) + horizon,
  };
}

function woken(state: Joining, id: string, settings: JoinSettings): Effects<Joining> {
  switch (state.is) {
    case 'waiting': {
      const { model, occurredAt } = state.predicted;
      const { horizon } = rulesOf(model, settings);
      return {
        state: { is: 'closed', model, predictedAt: occurredAt, label: null },
        wakeAt: occurredAt + 2 * horizon,
        publish: [publish(topics.outcomes, expired(id, model, occurredAt + horizon))],
      };
    }
    case 'closed':
      return { state: null };
    case 'early': {
      const reason = `no prediction ${id} came within the label horizon; check the id, or send the label after its prediction`;
      const letters = state.labels.map((early) => letterOf(early, id, { code: 'NO_PREDICTION', reason }));
      return { state: null, publish: [publish(topics.deadletter, ...letters)] };
    }
  }
}

function rulesOf(model: string, settings: JoinSettings): { label: LabelRules; horizon: number } {
  const spec = settings.model(model);
  if (spec === undefined) throw new Error(`model "${model}" is not known here yet`);
  return { label: spec.label, horizon: spec.label.horizon };
}

function refused(event: LabelObserved, code: string, reason: string): Effects<Joining> {
  return { refuse: { code, reason, preview: JSON.stringify(event) } };
}

function expected(label: LabelRules): string {
  return label.type === 'regression' ? 'it takes numbers' : `its classes are ${JSON.stringify(label.classes)}`;
}

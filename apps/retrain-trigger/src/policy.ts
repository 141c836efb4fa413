import type { LifecycleOf, ModelInForce } from '@gyre/contracts';

export type Trigger = LifecycleOf<'TrainingRequested'>['trigger'];
export type DeclineCode = LifecycleOf<'TrainingDeclined'>['code'];

/** Something that speaks for training again, with the count of labels when it was seen. */
export interface Signal {
  trigger: Trigger;
  labels: number;
  reason: string;
  actor: string;
}

/** What the trigger remembers of one model. */
export interface TriggerState {
  spec: ModelInForce;
  champion: number | null;
  labels: number;
  /** The run under way, and the event time at which it began. */
  running: string | null;
  runningSince: number;
  runs: number;
  labelsAtLastRun: number | null;
  /** Count of labels when drift was last confirmed. */
  labelsAtDrift: number | null;
  /** Since the last tick. */
  signals: Signal[];
}

export interface Declined {
  signal: Signal;
  code: DeclineCode;
  reason: string;
}

/** The order in which signals of one tick are heard: the first that may run does. */
const PRECEDENCE: readonly Trigger[] = ['manual', 'bootstrap', 'drift', 'performance', 'newLabels'];

/** A run that has said nothing for so long, in event time, is lost: its trainer or the set's builder failed for good. */
export const RUN_LOST_MS = 24 * 3_600_000;

/** Which of the signals leads to a run, and why the others of another kind do not. */
export function consider(state: TriggerState, now: number): { accepted: Signal | undefined; declined: Declined[] } {
  const byPrecedence = PRECEDENCE.flatMap(
    (trigger) => state.signals.find((signal) => signal.trigger === trigger) ?? [],
  );
  const accepted = byPrecedence.find((signal) => objection(state, signal, now) === undefined);
  if (accepted !== undefined) return { accepted, declined: [] };
  return { accepted, declined: byPrecedence.flatMap((signal) => decline(state, signal, now)) };
}

function decline(state: TriggerState, signal: Signal, now: number): Declined[] {
  const found = objection(state, signal, now);
  return found === undefined ? [] : [{ signal, ...found }];
}

/** Why a signal must not lead to a run, if so. What a person commands waits for nothing but a run under way. */
function objection(
  { spec, running, runningSince, labelsAtLastRun }: TriggerState,
  { trigger, labels }: Signal,
  now: number,
): { code: DeclineCode; reason: string } | undefined {
  const { onDrift, onPerformance, cooldownLabels, minLabels } = spec.retraining;
  if (spec.imported === true)
    return { code: 'switched-off', reason: 'the model was imported: what it was trained on is not known here' };
  if (running !== null && now - runningSince < RUN_LOST_MS)
    return { code: 'run-under-way', reason: `run ${running} is under way, and one at a time is enough` };
  if (trigger === 'manual') return undefined;
  if ((trigger === 'drift' && !onDrift) || (trigger === 'performance' && !onPerformance)) {
    return {
      code: 'switched-off',
      reason: `the spec says retraining.${trigger === 'drift' ? 'onDrift' : 'onPerformance'}: false`,
    };
  }
  if (labels < minLabels)
    return { code: 'too-few-labels', reason: `there are ${labels} labels, and retraining.minLabels is ${minLabels}` };
  const since = labelsAtLastRun === null ? Infinity : labels - labelsAtLastRun;
  if (since < cooldownLabels)
    return {
      code: 'cooldown',
      reason: `only ${since} labels have come since the last run, and retraining.cooldownLabels is ${cooldownLabels}`,
    };
  return undefined;
}

/** The training windows to try, in newest rows: those of the spec, and the rows since the last confirmed drift. */
export function windowsOf({ spec, labels, labelsAtDrift }: TriggerState): number[] {
  const { windows, sinceDrift, minLabels } = spec.retraining;
  const since = labelsAtDrift === null ? 0 : labels - labelsAtDrift;
  const all = sinceDrift && since >= minLabels ? [...windows, since] : windows;
  return [...new Set(all)].sort((a, b) => a - b);
}

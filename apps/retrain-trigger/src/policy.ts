import type { LifecycleOf, ModelInForce } from '@gyre/contracts';

export type Trigger = LifecycleOf<'TrainingRequested'>['trigger'];
export type DeclineCode = LifecycleOf<'TrainingDeclined'>['code'];

/** Something that speaks for training again. */
export interface Signal {
  trigger: Trigger;
  reason: string;
  actor: string;
  /** Event time at which what it speaks of was over; it counts for nothing at later ticks. */
  overAt?: number;
}

/** What the trigger remembers of one model. */
export interface TriggerState {
  spec: ModelInForce;
  champion: number | null;
  /** As many as have been heard of: told with drift, with lost performance, with each window, and where they call for training. */
  labels: number;
  /** The run under way, what it is for, and the event time at which it began. */
  running: string | null;
  runningFor: Trigger;
  runningSince: number;
  runs: number;
  labelsAtLastRun: number | null;
  /** Count of labels at the change that was last confirmed. */
  labelsAtDrift: number | null;
  /** Since the last tick. */
  signals: Signal[];
  /** Declined for something that passes, or left by a run that failed, and to be looked at again: the newest of each trigger. */
  waiting: Signal[];
  /** What of this the run under way is for. */
  taken: Signal[];
}

export interface Declined {
  signal: Signal;
  code: DeclineCode;
  reason: string;
}

interface Objection {
  code: DeclineCode;
  reason: string;
  /** What it lasts until, where it passes. */
  until?: string;
}

/** The order in which signals of one tick are heard: the first that may run does. */
const PRECEDENCE: readonly Trigger[] = ['manual', 'bootstrap', 'drift', 'performance', 'newLabels'];
/** Nobody says these again while they last. The others are said again: labels go on coming, and a person is told at once. */
const LASTING: ReadonlySet<Trigger> = new Set(['drift', 'performance']);

/** A run that has said nothing for so long, in event time, is lost: its trainer or the set's builder failed for good. */
export const RUN_LOST_MS = 24 * 3_600_000;

/** Which of the signals leads to a run, why each of the others does not, which of those are to be looked at again, and which a run stands for. */
export function consider(
  state: TriggerState,
  now: number,
): Pick<TriggerState, 'waiting' | 'taken'> & { accepted: Signal | undefined; declined: Declined[] } {
  const waiting = state.waiting.filter(({ overAt = now }) => overAt >= now);
  const accepted = byPrecedence([...state.signals, ...waiting]).find(
    (signal) => objection(state, signal) === undefined,
  );
  const heard = byPrecedence(state.signals).filter((signal) => signal !== accepted);
  if (accepted !== undefined) {
    const reason = `the run that begins now, for "${accepted.reason}", is for this too`;
    return {
      accepted,
      declined: heard.map((signal) => ({ signal, code: 'run-under-way', reason })),
      waiting: [],
      taken: newestLasting([...waiting, ...state.signals]),
    };
  }
  const objections = new Map([...waiting, ...heard].map((signal) => [signal, objection(state, signal) as Objection]));
  const declined = [...objections].filter(([signal, { until }]) => heard.includes(signal) || until === undefined);
  const passing = [...objections].filter(([, { until }]) => until !== undefined);
  return {
    accepted,
    declined: declined.map(([signal, found]) => ({ signal, code: found.code, reason: words(signal, found) })),
    waiting: newestLasting(passing.map(([signal]) => signal)),
    taken: state.taken,
  };
}

/** A run that came to nothing has answered nothing: what it was for waits again, and the cooldown bounds how often it is tried. */
export function putBack(state: TriggerState): void {
  state.waiting = newestLasting([...state.taken, ...state.waiting]);
  state.taken = [];
}

/** @param signals oldest first */
function newestLasting(signals: readonly Signal[]): Signal[] {
  const lasting = signals.filter(({ trigger }) => LASTING.has(trigger));
  return [...new Map(lasting.map((signal) => [signal.trigger, signal])).values()];
}

function byPrecedence(signals: readonly Signal[]): Signal[] {
  return [...signals].sort((a, b) => PRECEDENCE.indexOf(a.trigger) - PRECEDENCE.indexOf(b.trigger));
}

function words({ trigger }: Signal, { reason, until }: Objection): string {
  return LASTING.has(trigger) && until !== undefined
    ? `${reason}; it is looked at again when ${until}, unless it is over by then`
    : reason;
}

/** Why a signal must not lead to a run, if so. What a person commands waits for nothing but a run under way. */
function objection(
  { spec, running, labels, labelsAtLastRun }: TriggerState,
  { trigger }: Signal,
): Objection | undefined {
  const { onDrift, onPerformance, cooldownLabels, minLabels } = spec.retraining;
  if (spec.imported === true)
    return { code: 'switched-off', reason: 'the model was imported: what it was trained on is not known here' };
  if ((trigger === 'drift' && !onDrift) || (trigger === 'performance' && !onPerformance)) {
    return {
      code: 'switched-off',
      reason: `the spec says retraining.${trigger === 'drift' ? 'onDrift' : 'onPerformance'}: false`,
    };
  }
  if (running !== null) {
    return {
      code: 'run-under-way',
      reason: `run ${running} is under way, and one at a time is enough`,
      until: 'the run has ended and the cooldown is over',
    };
  }
  if (trigger === 'manual') return undefined;
  if (labels < minLabels) {
    return {
      code: 'too-few-labels',
      reason: `there are ${labels} labels, and retraining.minLabels is ${minLabels}`,
      until: 'there are as many',
    };
  }
  const since = labelsAtLastRun === null ? Infinity : labels - labelsAtLastRun;
  if (since < cooldownLabels) {
    return {
      code: 'cooldown',
      reason: `only ${since} labels have come since the last run, and retraining.cooldownLabels is ${cooldownLabels}`,
      until: 'the cooldown is over',
    };
  }
  return undefined;
}

/** The training windows to try, in newest rows: those of the spec, and the rows since the last confirmed drift. */
export function windowsOf({ spec, labels, labelsAtDrift }: TriggerState): number[] {
  const { windows, sinceDrift, minLabels } = spec.retraining;
  const since = labelsAtDrift === null ? 0 : labels - labelsAtDrift;
  const all = sinceDrift && since >= minLabels ? [...windows, since] : windows;
  return [...new Set(all)].sort((a, b) => a - b);
}

import { LOSS_KINDS, topics, type Lifecycle, type ModelInForce, type PerformanceMeasured } from '@gyre/contracts';
import { publish, type Effects, type Task } from '@gyre/platform';
import { consider, putBack, RUN_LOST_MS, windowsOf, type Signal, type Trigger, type TriggerState } from './policy.js';

const ACTOR = 'retrain-trigger';

type Heard = Lifecycle | PerformanceMeasured;

/**
 * lifecycle and performance -> lifecycle: what speaks for training gathers until the next tick, then leads to one run, or to declines that say why
 * not. Windows of performance tell how many labels there are, for those that wait for more of them.
 */
export const trigger: Task<TriggerState, Heard> = {
  name: 'retrain-trigger.policy',
  inputs: [topics.lifecycle, topics.performance] as Task<TriggerState, Heard>['inputs'],
  codec: {
    load: (json) => ({ ...begin((json as TriggerState).spec), ...(json as TriggerState) }),
    save: (state) => state,
  },
  handle(state, event) {
    if (state === undefined)
      return 'type' in event && event.type === 'ModelApplied' ? { state: begin(event.spec) } : {};
    const isNews = 'type' in event ? hear(state, event) : count(state, event.toLabel);
    return isNews ? { state, wakeAt: 'nextTick' } : { state };
  },
  wake: (state, { now }) => act(state, now),
};

function begin(spec: ModelInForce): TriggerState {
  return {
    spec,
    champion: null,
    labels: 0,
    running: null,
    runningFor: 'bootstrap',
    runningSince: 0,
    runs: 0,
    labelsAtLastRun: null,
    labelsAtDrift: null,
    signals: [],
    waiting: [],
    taken: [],
  };
}

/** Takes note of an event. @returns whether there is something to decide on at the next tick */
function hear(state: TriggerState, event: Lifecycle): boolean {
  const speaks = (trigger: Trigger): true => {
    const { reason, actor } = event;
    state.signals.push({ trigger, reason, actor });
    return true;
  };
  switch (event.type) {
    case 'ModelApplied':
      state.spec = event.spec;
      return state.waiting.length > 0;
    case 'ServingChanged': {
      const champion = event.champion?.version ?? null;
      if (champion !== state.champion) isOver(state, event.occurredAt);
      state.champion = champion;
      return false;
    }
    case 'IncidentClosed':
      if (event.outcome === 'recovered' && event.version === state.champion && LOSS_KINDS.has(event.kind))
        isOver(state, event.occurredAt);
      return false;
    case 'TrainingFinished':
      if (event.run !== state.running) return false;
      return hasEnded(state, event.failure);
    case 'DriftDetected':
      // Inputs that moved explain a loss; by themselves they are none. Late labels speak of versions that serve no more.
      if (event.kind !== 'concept' || event.version !== state.champion) return false;
      count(state, event.at.labels);
      state.labelsAtDrift = event.at.labels - (event.since ?? 0);
      return speaks('drift');
    case 'PerformanceDropped':
      if (event.version !== state.champion) return false;
      count(state, event.at.labels);
      return speaks('performance');
    case 'LabelsReached':
      count(state, event.labels);
      return speaks(state.champion === null ? 'bootstrap' : 'newLabels');
    case 'RetrainCommanded':
      return speaks('manual');
    default:
      return false;
  }
}

/**
 * Drift and lost performance speak of a version and a time. They count up to the tick that ended them: what ends them comes at a tick too, before or
 * after this task is woken, and the decision must be the same.
 */
function isOver({ signals, waiting, taken }: TriggerState, at: number): void {
  for (const signal of [...signals, ...waiting, ...taken]) signal.overAt ??= at;
}

/** @returns whether something waited for the end of the run. What a failed run leaves waits for more labels: on the same ones it would fail again. */
function hasEnded(state: TriggerState, failure: string | null): boolean {
  const waited = state.waiting.length > 0;
  state.running = null;
  if (failure === null) state.taken = [];
  else putBack(state);
  return waited;
}

/** @returns whether something waits that more labels may let run */
function count(state: TriggerState, labels: number): boolean {
  if (labels <= state.labels) return false;
  state.labels = labels;
  return state.waiting.length > 0;
}

function act(state: TriggerState, now: number): Effects<TriggerState> {
  const base = { model: state.spec.name, occurredAt: now };
  const events: Lifecycle[] = [];
  if (state.running !== null && now - state.runningSince >= RUN_LOST_MS) events.push(givenUp(state, base));
  const { accepted, declined, waiting, taken } = consider(state, now);
  Object.assign(state, { signals: [], waiting, taken });
  if (accepted !== undefined) events.push(request(state, accepted, base));
  for (const { signal, code, reason } of declined) {
    events.push({
      ...base,
      actor: ACTOR,
      type: 'TrainingDeclined',
      trigger: signal.trigger,
      code,
      reason: `no run for "${signal.reason}": ${reason}`,
    });
  }
  return {
    state,
    wakeAt: state.running === null ? null : state.runningSince + RUN_LOST_MS,
    publish: [publish(topics.lifecycle, ...events)],
  };
}

function givenUp(state: TriggerState, base: { model: string; occurredAt: number }): Lifecycle {
  const run = state.running as string;
  const failure = `nothing was heard of it for ${RUN_LOST_MS / 3_600_000} hours`;
  hasEnded(state, failure);
  return {
    ...base,
    type: 'TrainingFinished',
    actor: ACTOR,
    reason: `run ${run} is given up: ${failure}; the dead letters and logs of feature-store and trainer may say why`,
    run,
    trigger: state.runningFor,
    candidates: [],
    reference: [],
    failure,
  };
}

function request(state: TriggerState, signal: Signal, base: { model: string; occurredAt: number }): Lifecycle {
  const run = `${state.spec.name}-run-${state.runs + 1}`;
  state.runs += 1;
  state.running = run;
  state.runningFor = signal.trigger;
  state.runningSince = base.occurredAt;
  state.labelsAtLastRun = state.labels;
  const windows = windowsOf(state);
  return {
    ...base,
    type: 'TrainingRequested',
    actor: signal.trigger === 'manual' ? signal.actor : ACTOR,
    reason: `${run} begins, because ${signal.reason}`,
    run,
    trigger: signal.trigger,
    champion: state.champion,
    asOf: base.occurredAt,
    labels: state.labels,
    rowsMax: Math.max(...windows),
    windows,
    seed: state.runs,
  };
}

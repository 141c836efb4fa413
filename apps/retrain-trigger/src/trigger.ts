import { topics, type Lifecycle, type ModelInForce } from '@gyre/contracts';
import { publish, type Effects, type Task } from '@gyre/platform';
import { consider, windowsOf, type Signal, type TriggerState } from './policy.js';

const ACTOR = 'retrain-trigger';

/**
 * lifecycle -> lifecycle: what speaks for training gathers until the next tick, then leads to one run, or to declines that say why not.
 */
export const trigger: Task<TriggerState, Lifecycle> = {
  name: 'retrain-trigger.policy',
  inputs: [topics.lifecycle],
  handle(state, event) {
    if (event.type === 'ModelApplied')
      return { state: state === undefined ? begin(event.spec) : { ...state, spec: event.spec } };
    if (state === undefined) return {};
    const signal = hear(state, event);
    if (signal === undefined) return { state };
    state.signals.push(signal);
    state.labels = Math.max(state.labels, signal.labels);
    return { state, wakeAt: 'nextTick' };
  },
  wake: (state, { now }) => act(state, now),
};

function begin(spec: ModelInForce): TriggerState {
  return {
    spec,
    champion: null,
    labels: 0,
    running: null,
    runningSince: 0,
    runs: 0,
    labelsAtLastRun: null,
    labelsAtDrift: null,
    signals: [],
  };
}

/** Takes note of an event; returns what of it speaks for training. */
function hear(state: TriggerState, event: Lifecycle): Signal | undefined {
  const { actor, reason } = event;
  switch (event.type) {
    case 'ServingChanged':
      state.champion = event.champion?.version ?? null;
      return undefined;
    case 'TrainingFinished':
      if (event.run === state.running) state.running = null;
      return undefined;
    case 'DriftDetected':
      // Inputs that moved explain a loss; by themselves they are none. Late labels speak of versions that serve no more.
      if (event.kind !== 'concept' || event.version !== state.champion) return undefined;
      state.labelsAtDrift = event.at.labels;
      return { trigger: 'drift', labels: event.at.labels, reason, actor };
    case 'PerformanceDropped':
      return event.version === state.champion
        ? { trigger: 'performance', labels: event.at.labels, reason, actor }
        : undefined;
    case 'LabelsReached':
      return { trigger: state.champion === null ? 'bootstrap' : 'newLabels', labels: event.labels, reason, actor };
    case 'RetrainCommanded':
      return { trigger: 'manual', labels: state.labels, reason, actor };
    default:
      return undefined;
  }
}

function act(state: TriggerState, now: number): Effects<TriggerState> {
  const { accepted, declined } = consider(state, now);
  const base = { model: state.spec.name, occurredAt: now };
  const events: Lifecycle[] = declined.map(({ signal, code, reason }) => {
    return {
      ...base,
      actor: ACTOR,
      type: 'TrainingDeclined',
      trigger: signal.trigger,
      code,
      reason: `no run for "${signal.reason}": ${reason}`,
    };
  });
  state.signals = [];
  if (accepted !== undefined) events.push(request(state, accepted, base));
  return { state, publish: [publish(topics.lifecycle, ...events)] };
}

function request(state: TriggerState, signal: Signal, base: { model: string; occurredAt: number }): Lifecycle {
  state.runs += 1;
  state.labelsAtLastRun = state.labels;
  state.runningSince = base.occurredAt;
  state.running = `${state.spec.name}-run-${state.runs}`;
  const windows = windowsOf(state);
  return {
    ...base,
    type: 'TrainingRequested',
    actor: signal.trigger === 'manual' ? signal.actor : ACTOR,
    reason: `${state.running} begins, because ${signal.reason}`,
    run: state.running,
    trigger: signal.trigger,
    champion: state.champion,
    asOf: base.occurredAt,
    labels: state.labels,
    rowsMax: Math.max(...windows),
    windows,
    seed: state.runs,
  };
}

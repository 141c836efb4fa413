import { topics, type InputsMeasured, type Lifecycle, type LifecycleOf, type Outcome } from '@gyre/contracts';
import { publish, type Effects, type Publication, type Task } from '@gyre/platform';
import { number } from './findings.js';
import { Watch, type Findings, type WatchState } from './watch.js';

const ACTOR = 'drift-monitor';

type Heard = Outcome | Lifecycle | InputsMeasured;

/** outcomes and inputs -> the watch of their model -> lifecycle and performance. Findings are told at once; incidents are made of them at ticks. */
export const detect: Task<Watch, Heard> = {
  name: 'drift-monitor.detect',
  inputs: [topics.lifecycle, topics.inputs, topics.outcomes] as Task<Watch, Heard>['inputs'],
  // A model's spec comes by another topic than its first outcomes, and may come later.
  attempts: 8,
  codec: { load: (json) => Watch.restored(json as WatchState), save: (watch) => watch.state() },
  handle(watch, event) {
    if ('features' in event) return waiting(fed(watch, event));
    return waiting('kind' in event && 'prediction' in event ? judged(watch, event) : heard(watch, event as Lifecycle));
  },
  wake: (watch, { now }) => waiting({ state: watch, publish: [publish(topics.lifecycle, ...watch.decide(now))] }),
};

function waiting(effects: Effects<Watch>): Effects<Watch> {
  return effects.state?.waits ? { ...effects, wakeAt: 'nextTick' } : effects;
}

function fed(watch: Watch | undefined, measured: InputsMeasured): Effects<Watch> {
  if (watch === undefined) throw new Error(`inputs of model "${measured.model}" came before its spec`);
  const { model, version, to: occurredAt, prediction, request } = measured;
  const at = { prediction, request, labels: watch.tally.labels };
  const events = watch.measure(measured).flatMap(({ kind, detector, begins, causes, observations }): Lifecycle[] => {
    const [worst] = causes;
    if (!begins || worst === undefined) return [];
    const { before, after } = worst;
    const feature = worst.kind === 'feature' ? worst.name : null;
    const reason = causes.map(({ words }) => words).join('; ');
    const base = { model, occurredAt, actor: ACTOR, reason, type: 'DriftDetected' as const };
    return [{ ...base, version, kind, detector, feature, observations, before, after, at }];
  });
  return { state: watch, publish: events.length === 0 ? [] : [publish(topics.lifecycle, ...events)] };
}

function heard(watch: Watch | undefined, event: Lifecycle): Effects<Watch> {
  if (watch === undefined) return event.type === 'ModelApplied' ? { state: new Watch(event.spec) } : {};
  return watch.hear(event) ? { state: watch } : {};
}

function judged(watch: Watch | undefined, outcome: Outcome): Effects<Watch> {
  if (watch === undefined) throw new Error(`outcomes of model "${outcome.model}" came before its spec`);
  const findings = watch.observe(outcome);
  const publications: Publication[] = [];
  const events = lifecycleOf(findings, outcome, watch.tally.labels);
  if (events.length > 0) publications.push(publish(topics.lifecycle, ...events));
  if (findings.performance !== undefined) publications.push(publish(topics.performance, findings.performance));
  return { state: watch, publish: publications };
}

function lifecycleOf(findings: Findings, outcome: Outcome, labels: number): Lifecycle[] {
  const { model, occurredAt, prediction, predicted } = outcome;
  const base = { model, occurredAt, actor: ACTOR };
  const at = { prediction, request: predicted?.request ?? null, labels };
  const version = predicted?.version ?? null;
  const events: Lifecycle[] = [];
  const { drift, drop, labelsReached } = findings;
  if (drift !== undefined) {
    const reason = `${drift.words} (e-detector, after ${drift.observations} labels)`;
    events.push({
      ...base,
      at,
      reason,
      type: 'DriftDetected',
      version,
      kind: 'concept',
      detector: 'e-detector',
      feature: null,
      observations: drift.observations,
      since: drift.since,
      before: drift.before,
      after: drift.after,
      ...(drift.metric === undefined ? {} : { metric: drift.metric }),
    });
  }
  if (drop !== undefined) {
    const { value, reference, metric, words: reason } = drop;
    events.push({ ...base, at, reason, type: 'PerformanceDropped', version, metric, value, reference });
  }
  if (findings.unfair !== undefined) {
    const { words: reason, name: feature, before, after } = findings.unfair;
    const kind = { kind: 'fairness' as const, detector: 'chi-square', feature, before, after };
    const observations = findings.performance!.toLabel - findings.performance!.fromLabel;
    events.push({ ...base, at, reason, type: 'DriftDetected', version, observations, ...kind });
  }
  for (const decided of findings.decided) events.push(comparison(base, at, decided));
  if (labelsReached !== undefined) {
    events.push({
      ...base,
      at,
      reason: `${labelsReached} labels have come`,
      type: 'LabelsReached',
      labels: labelsReached,
    });
  }
  return events;
}

function comparison(
  base: { model: string; occurredAt: number; actor: string },
  at: LifecycleOf<'ComparisonDecided'>['at'],
  { rollout, incumbent, challenger: rules, verdict, evidence, unpaired }: Findings['decided'][number],
): LifecycleOf<'ComparisonDecided'> {
  const { version: challenger, role, notWorseBy } = rules;
  const own = {
    ...base,
    at,
    type: 'ComparisonDecided',
    rollout,
    role,
    challenger,
    incumbent,
    verdict,
    evidence,
  } as const;
  if (unpaired !== undefined && verdict === 'worse' && evidence.upper >= 0) {
    const { canary, champion } = unpaired;
    const reason = `version ${challenger} is worse than ${incumbent}: what it answered loses ${number(canary.mean)} per answer (at least ${number(canary.lower)}, ${canary.answers} answers, failed ones included), what ${incumbent} answered ${number(champion.mean)} (at most ${number(champion.upper)}, ${champion.answers} answers)`;
    return { ...own, reason, unpaired };
  }
  const words = {
    better: `version ${challenger} is better than ${incumbent}`,
    notWorse:
      role === 'canary'
        ? `version ${challenger} was not found worse than ${incumbent} while it answered a share`
        : `version ${challenger} is not worse than ${incumbent} by ${notWorseBy}`,
    worse: `version ${challenger} is worse than ${incumbent}`,
    inconclusive: `version ${challenger} and ${incumbent} could not be told apart`,
  }[verdict];
  const { mean, lower, upper, pairs } = evidence;
  const difference = `${number(Math.abs(mean))} ${mean < 0 ? 'more' : 'less'} per answer`;
  const reason = `${words}: it loses ${difference} over ${pairs} pairs; the gain lies between ${number(lower)} and ${number(upper)}`;
  return { ...own, reason, ...(unpaired === undefined ? {} : { unpaired }) };
}

import { topics, type Lifecycle, type LifecycleOf, type Outcome } from '@gyre/contracts';
import { publish, type Effects, type Publication, type Task } from '@gyre/platform';
import { Watch, type Findings, type WatchState } from './watch.js';

const ACTOR = 'drift-monitor';

/** outcomes -> the watch of their model -> lifecycle and performance */
export const detect: Task<Watch, Outcome | Lifecycle> = {
  name: 'drift-monitor.detect',
  inputs: [topics.lifecycle, topics.outcomes] as Task<Watch, Outcome | Lifecycle>['inputs'],
  codec: { load: (json) => Watch.restored(json as WatchState), save: (watch) => watch.state() },
  handle: (watch, event) =>
    'kind' in event && 'prediction' in event ? judged(watch, event) : heard(watch, event as Lifecycle),
};

function heard(watch: Watch | undefined, event: Lifecycle): Effects<Watch> {
  if (watch === undefined) return event.type === 'ModelApplied' ? { state: new Watch(event.spec) } : {};
  watch.hear(event);
  return { state: watch };
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
    const reason = `the error of version ${version} rose from ${percent(drift.before)} to ${percent(drift.after)} about ${drift.since} labels ago (e-detector, after ${drift.observations} labels)`;
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
      before: drift.before,
      after: drift.after,
    });
  }
  for (const { kind, feature, detector, observations, before, after, reason } of findings.inputs) {
    events.push({
      ...base,
      at,
      reason,
      type: 'DriftDetected',
      version,
      kind,
      detector,
      feature,
      observations,
      before,
      after,
    });
  }
  if (drop !== undefined) {
    const reason = `version ${version} loses ${number(drop.value)} per answer over a window, more than the ${number(drop.reference)} of its holdout`;
    events.push({ ...base, at, reason, type: 'PerformanceDropped', version, metric: 'loss', ...drop });
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
  { rollout, incumbent, challenger: rules, verdict, evidence }: Findings['decided'][number],
): LifecycleOf<'ComparisonDecided'> {
  const { version: challenger, role, notWorseBy } = rules;
  const words = {
    better: `version ${challenger} is better than ${incumbent}`,
    notWorse: `version ${challenger} is not worse than ${incumbent} by ${notWorseBy}`,
    worse: `version ${challenger} is worse than ${incumbent}`,
    inconclusive: `version ${challenger} and ${incumbent} could not be told apart`,
  }[verdict];
  const reason = `${words}: it loses ${number(evidence.mean)} less per answer over ${evidence.pairs} pairs, between ${number(evidence.lower)} and ${number(evidence.upper)}`;
  return { ...base, at, reason, type: 'ComparisonDecided', rollout, role, challenger, incumbent, verdict, evidence };
}

function percent(share: number): string {
  return share > 1 ? number(share) : `${(100 * share).toFixed(1)} %`;
}

function number(value: number): string {
  return value.toPrecision(3);
}

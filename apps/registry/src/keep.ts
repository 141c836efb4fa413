import { topics, type Candidate, type Lifecycle, type LifecycleOf } from '@gyre/contracts';
import { publish, type Effects, type Task } from '@gyre/platform';
import { failed, gatesOf } from './gates.js';
import {
  addVersion,
  enthrone,
  newRecord,
  servingOf,
  versionOf,
  type Challenger,
  type Comparison,
  type ModelRecord,
} from './model-record.js';

/**
 * lifecycle -> lifecycle: which versions there are, which one serves, and the rollout in between.
 *
 * Candidates pass gates or are refused; the best go into shadow; the paired test says which is better; the champion changes, and the old one
 * stays in shadow for the bake period, ready to be taken back by the same test. Comparisons are weighed together at the next tick, so that
 * what follows does not depend on how the log's batches fell.
 */
export const keep: Task<ModelRecord, Lifecycle> = {
  name: 'registry.keep',
  inputs: [topics.lifecycle],
  handle(record, event) {
    if (event.type === 'ModelApplied') return applied(record, event);
    if (record === undefined || event.type === 'ViewApplied') return {};
    // Its own decisions come back by the log, in their place among the others.
    record.latest = { type: event.type, occurredAt: event.occurredAt, reason: event.reason };
    const decisions = new Decisions(record, event.occurredAt);
    const mustWeigh = decide(record, event, decisions);
    return decisions.effects(mustWeigh);
  },
  wake(record, { now }) {
    const decisions = new Decisions(record, now);
    weigh(record, decisions);
    return decisions.effects(false);
  },
};

/** A split that the spec has changed is shared out anew; all else of a spec counts from the next decision on. */
function applied(
  record: ModelRecord | undefined,
  { spec, occurredAt }: LifecycleOf<'ModelApplied'>,
): Effects<ModelRecord> {
  if (record === undefined) return { state: newRecord(spec) };
  const after = { ...record, spec };
  if (JSON.stringify(record.spec.rollout.split) === JSON.stringify(spec.rollout.split)) return { state: after };
  const decisions = new Decisions(after, occurredAt);
  decisions.shareOut();
  return decisions.effects(after.undecided.length > 0);
}

/** @returns whether there is something to weigh at the next tick */
function decide(record: ModelRecord, event: Lifecycle, decisions: Decisions): boolean {
  switch (event.type) {
    case 'TrainingFinished':
      judge(record, event, decisions);
      return false;
    case 'DriftDetected':
      if (event.kind === 'concept' && event.version === record.champion) record.lossConfirmed = true;
      return false;
    case 'PerformanceDropped':
      if (event.version === record.champion) record.lossConfirmed = true;
      return false;
    case 'ComparisonDecided':
      record.undecided.push(event);
      return true;
    case 'ModelImported':
      takeImported(record, event, decisions);
      return false;
    case 'PromoteCommanded':
      if (versionOf(record, event.version) !== undefined && event.version !== record.champion)
        decisions.promote(event.version, event.actor, event.reason, null);
      return false;
    case 'RollbackCommanded':
      if (record.previous !== null) decisions.rollBack(event.actor, event.reason, null);
      return false;
    default:
      return false;
  }
}

/** Gates, then the first champion or the shadow. */
function judge(
  record: ModelRecord,
  { run, candidates, occurredAt }: LifecycleOf<'TrainingFinished'>,
  decisions: Decisions,
): void {
  // One place is left for an older challenger that is still undecided.
  const freshMax = Math.max(1, record.spec.rollout.maxChallengers - 1);
  const fresh: number[] = [];
  for (const candidate of candidates) {
    const gates = gatesOf(candidate);
    if (gates.some((gate) => !gate.passed)) {
      decisions.say(
        { type: 'VersionRefused', run, candidate, gates },
        `${candidate.name} is refused: it fails ${failed(gates)}`,
      );
    } else if (fresh.length >= freshMax) {
      const rank = {
        name: 'best of its run',
        passed: false,
        value: candidate.metrics['loss'] ?? null,
        limit: null,
        detail: 'only the best of a run are scored in shadow',
      };
      decisions.say(
        { type: 'VersionRefused', run, candidate, gates: [...gates, rank] },
        `${candidate.name} is left out: ${fresh.length} better ones of this run go forward`,
      );
    } else {
      const version = record.nextVersion;
      addVersion(record, { version, run, registeredAt: occurredAt, candidate, gates, served: [] });
      decisions.say(
        { type: 'VersionRegistered', version, run, candidate, gates },
        `version ${version} is ${candidate.name}; it passes its gates${lossOf(candidate)}`,
      );
      fresh.push(version);
    }
  }
  if (fresh.length === 0) return;
  if (record.champion === null)
    decisions.promote(fresh.shift() as number, 'registry', 'it is the first version that passes its gates', null);
  if (fresh.length > 0) decisions.challenge(fresh);
}

/** A file that a person brought serves at once; the same file again is the version that it was. */
function takeImported(
  record: ModelRecord,
  { onnx, manifest, file, runMicros, actor, occurredAt }: LifecycleOf<'ModelImported'>,
  decisions: Decisions,
): void {
  const there = record.versions.find(({ candidate }) => candidate.onnx === onnx);
  const version = there?.version ?? record.nextVersion;
  if (there === undefined) {
    const run = `import-${onnx.slice(0, 12)}`;
    const candidate: Candidate = {
      ...{ name: `imported from ${file}`, trainer: 'import', trainingRows: 0, onnx, manifest },
      ...{ metrics: {}, baseline: {}, onnxDifferenceMax: null },
    };
    const detail = 'onnxruntime loads the file; the time of a run of one row on a sample, µs';
    const gates = [{ name: 'it runs', passed: true, value: runMicros, limit: null, detail }];
    addVersion(record, { version, run, registeredAt: occurredAt, candidate, gates, served: [] });
    decisions.say({ type: 'VersionRegistered', version, run, candidate, gates }, `version ${version} is ${file}`);
  }
  if (record.champion !== version) decisions.promote(version, actor, `it was imported from ${file}`, null);
}

/** What the comparisons since the last tick lead to. */
function weigh(record: ModelRecord, decisions: Decisions): void {
  const inShadow = new Set(record.rollout?.challengers.map(({ version }) => version));
  const decided = record.undecided.filter((one) => inShadow.has(one.challenger) && one.incumbent === record.champion);
  record.undecided = [];
  const wins = decided.filter(({ verdict }) => verdict === 'better' || verdict === 'notWorse');
  const back = wins.find(({ role }) => role === 'previous');
  if (back !== undefined) return decisions.rollBack('registry', `${back.reason}`, back);
  const [best] = wins.sort((a, b) => b.evidence.lower - a.evidence.lower);
  if (best === undefined || record.spec.rollout.approval === 'automatic') {
    if (best !== undefined) return decisions.promote(best.challenger, 'registry', best.reason, best);
  } else {
    decisions.say(
      { type: 'PromotionHeld', version: best.challenger, rollout: best.rollout, evidence: best.evidence },
      `${best.reason}; the spec asks for approval: gyre promote ${record.spec.name} ${best.challenger}`,
    );
  }
  if (decided.length > 0) decisions.dismiss(decided.map(({ challenger }) => challenger));
}

function lossOf({ metrics, baseline }: Candidate): string {
  const [loss, trivial] = [metrics['loss'], baseline['loss']];
  if (loss === null || loss === undefined || trivial === null || trivial === undefined) return '';
  return ` (holdout loss ${loss.toPrecision(3)}, baseline ${trivial.toPrecision(3)})`;
}

type Said<T = Lifecycle> = T extends Lifecycle ? Omit<T, 'model' | 'occurredAt' | 'actor' | 'reason'> : never;

/** What is decided about one model at one moment: it changes the record, and says each step with its reason. */
class Decisions {
  private readonly events: Lifecycle[] = [];

  constructor(
    private readonly record: ModelRecord,
    private readonly at: number,
  ) {}

  say(event: Said, reason: string, actor = 'registry'): void {
    const said = { ...event, model: this.record.spec.name, occurredAt: this.at, actor, reason } as Lifecycle;
    this.events.push(said);
  }

  promote(version: number, actor: string, why: string, by: Comparison | null): void {
    const { record } = this;
    const from = record.champion;
    const evidence = by?.evidence ?? null;
    const rollout = record.rollout?.name ?? null;
    enthrone(record, version, this.at);
    record.promotions += 1;
    this.say({ type: 'Promoted', version, from, rollout, evidence }, `version ${version} now serves: ${why}`, actor);
    this.end('promoted');
    const { bakePairs } = record.spec.rollout;
    if (from !== null && bakePairs > 0) this.start([this.rules(from, 'previous')], null);
    this.serve(`version ${version} was promoted`);
  }

  rollBack(actor: string, why: string, by: Comparison | null): void {
    const { record } = this;
    const [from, version] = [record.champion, record.previous];
    if (from === null || version === null) return;
    const evidence = by?.evidence ?? null;
    const rollout = record.rollout?.name ?? null;
    enthrone(record, version, this.at);
    record.previous = null; // what was taken back is no version to go back to
    record.rollbacks += 1;
    this.say(
      { type: 'RolledBack', version, from, rollout, evidence },
      `version ${from} is taken back, ${version} serves again: ${why}`,
      actor,
    );
    this.end('rolledBack');
    this.serve(`version ${from} was rolled back`);
  }

  /** New challengers go into shadow beside those that are still undecided, the newest first. */
  challenge(fresh: readonly number[]): void {
    const { record } = this;
    const staying = record.rollout?.challengers ?? [];
    const baking = staying.filter(({ role }) => role === 'previous');
    const older = staying.filter(({ role }) => role === 'challenger');
    const challengers = [...fresh.map((version) => this.rules(version, 'challenger')), ...older].slice(
      0,
      record.spec.rollout.maxChallengers,
    );
    this.go(
      [...baking, ...challengers],
      `${fresh.length === 1 ? 'version' : 'versions'} ${fresh.join(' and ')} will be scored in shadow`,
    );
  }

  /** Decided challengers leave the rollout. */
  dismiss(versions: readonly number[]): void {
    const left = (this.record.rollout?.challengers ?? []).filter(({ version }) => !versions.includes(version));
    this.go(left, `version ${versions.join(' and ')} left the shadow`);
  }

  private go(challengers: Challenger[], why: string): void {
    const continued = this.record.rollout?.name ?? null;
    this.end(challengers.length > 0 ? 'continued' : 'decided');
    if (challengers.length > 0) this.start(challengers, continued);
    this.serve(why);
  }

  /** alpha is split over as many challengers as there may be, so that a newcomer takes nothing from a test under way. */
  private rules(version: number, role: Challenger['role']): Challenger {
    const { alpha, maxChallengers, notWorseBy, maxPairs, bakePairs } = this.record.spec.rollout;
    const isPrevious = role === 'previous';
    return {
      ...{ version, role, notWorseBy },
      rule: this.record.lossConfirmed && !isPrevious ? 'notWorse' : 'better',
      alpha: isPrevious ? alpha : alpha / maxChallengers,
      pairsMax: isPrevious ? bakePairs : maxPairs,
    };
  }

  private start(challengers: Challenger[], continues: string | null): void {
    const { record } = this;
    const incumbent = record.champion as number;
    const rollout = `${record.spec.name}-rollout-${record.nextRollout++}`;
    record.rollout = { name: rollout, incumbent, challengers };
    const who = challengers.map(({ version, role, rule }) =>
      role === 'previous'
        ? `${version}, ready to be taken back`
        : `${version}${rule === 'notWorse' ? ', which must not be worse' : ''}`,
    );
    this.say(
      { type: 'RolloutStarted', rollout, continues, incumbent, challengers },
      `beside champion ${incumbent} run in shadow: ${who.join('; ')}`,
    );
  }

  private end(outcome: LifecycleOf<'RolloutEnded'>['outcome']): void {
    const { rollout } = this.record;
    if (rollout === null) return;
    this.record.rollout = null;
    const words = {
      promoted: 'a challenger was promoted',
      rolledBack: 'the champion was taken back',
      decided: 'nothing is left to compare',
      continued: 'it goes on with other versions',
      stopped: 'it was stopped',
    };
    this.say(
      { type: 'RolloutEnded', rollout: rollout.name, outcome },
      `rollout ${rollout.name} ends: ${words[outcome]}`,
    );
  }

  /** After the spec has named other shares. */
  shareOut(): void {
    const { split = [] } = this.record.spec.rollout;
    const there = new Set(this.record.versions.map(({ version }) => version));
    const arms = split.map(
      ({ version, weight }) =>
        `${version} ${(100 * weight).toFixed(0)} %${there.has(version) ? '' : ' (not there yet)'}`,
    );
    this.serve(arms.length === 0 ? 'the spec names no split any more' : `the spec gives version ${arms.join(' and ')}`);
  }

  private serve(why: string): void {
    const serving = servingOf(this.record);
    const names = serving.shadows.map(({ version }) => version).join(', ');
    this.say(
      { type: 'ServingChanged', ...serving },
      `the gateway serves ${serving.champion?.version ?? 'the fallback'}${names === '' ? '' : ` and scores ${names} in shadow`}: ${why}`,
    );
  }

  effects(mustWeigh: boolean): Effects<ModelRecord> {
    return {
      state: this.record,
      ...(mustWeigh ? { wakeAt: 'nextTick' as const } : {}),
      publish: [publish(topics.lifecycle, ...this.events)],
    };
  }
}

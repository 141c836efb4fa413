import { LOSS_KINDS, topics, type Candidate, type Lifecycle, type LifecycleOf } from '@gyre/contracts';
import type { Effects, Task } from '@gyre/platform';
import { Decisions } from './decisions.js';
import { failed, gatesOf } from './gates.js';
import { addVersion, canaryOf, newRecord, versionOf, type Comparison, type ModelRecord } from './model-record.js';

/**
 * lifecycle -> lifecycle: which versions there are, which one serves, and the rollout in between.
 *
 * Candidates pass gates or are refused; the best go into shadow; the paired test says which is better; where the spec asks for it, that one answers a share
 * of the requests as canary and is stopped if it is found worse; the champion changes, and the old one
 * stays in shadow for the bake period, ready to be taken back by the same test. Comparisons and what was trained are weighed together at the next
 * tick, so that what follows does not depend on how the log's batches fell, and bears the time at which it was decided.
 */
export const keep: Task<ModelRecord, Lifecycle> = {
  name: 'registry.keep',
  inputs: [topics.lifecycle],
  codec: {
    load: (json) => ({ ...newRecord((json as ModelRecord).spec), ...(json as ModelRecord) }),
    save: (record) => record,
  },
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
    // What an incident's end means must not depend on whether it or this waking comes first at a tick.
    if (record.recoveredAt !== null && record.recoveredAt < now) {
      record.lossConfirmed = false;
      record.recoveredAt = null;
    }
    weigh(record, decisions);
    for (const training of record.trained.splice(0)) judge(record, training, now, decisions);
    return decisions.effects(false);
  },
};

/** Shares that the spec has changed are given out anew; all else of a spec counts from the next decision on. */
function applied(
  record: ModelRecord | undefined,
  { spec, occurredAt }: LifecycleOf<'ModelApplied'>,
): Effects<ModelRecord> {
  if (record === undefined) return { state: newRecord(spec) };
  const after = { ...record, spec };
  const decisions = new Decisions(after, occurredAt);
  const running = canaryOf(after);
  if (running !== undefined && spec.rollout.canary === undefined)
    decisions.endCanary(running.version, 'aborted', 'the spec asks for no canary any more', null);
  else if (running !== undefined && spec.rollout.canary?.weight !== record.spec.rollout.canary?.weight)
    decisions.reweigh(running.version);
  else if (JSON.stringify(record.spec.rollout.split) === JSON.stringify(spec.rollout.split)) return { state: after };
  else decisions.shareOut();
  return decisions.effects(after.undecided.length + after.trained.length > 0);
}

/** @returns whether there is something to weigh at the next tick */
function decide(record: ModelRecord, event: Lifecycle, decisions: Decisions): boolean {
  switch (event.type) {
    case 'TrainingFinished':
      if (event.candidates.length > 0) record.trained.push({ run: event.run, candidates: event.candidates });
      return record.trained.length > 0;
    case 'DriftDetected':
      if (event.kind === 'concept') confirmLoss(record, event.version);
      return false;
    case 'PerformanceDropped':
      confirmLoss(record, event.version);
      return false;
    case 'IncidentClosed':
      if (event.outcome === 'recovered' && event.version === record.champion && LOSS_KINDS.has(event.kind))
        record.recoveredAt = event.occurredAt;
      return false;
    case 'ComparisonDecided':
      record.undecided.push(event);
      return true;
    case 'ModelImported':
      takeImported(record, event, decisions);
      return false;
    case 'PromoteCommanded':
      promoteByHand(record, event, decisions);
      return false;
    case 'RollbackCommanded':
      rollBackByHand(record, event, decisions);
      return false;
    default:
      return false;
  }
}

function confirmLoss(record: ModelRecord, version: number | null): void {
  if (version !== record.champion) return;
  record.lossConfirmed = true;
  record.recoveredAt = null;
}

/** What stood when the command was given may have changed before its turn came. */
function promoteByHand(
  record: ModelRecord,
  { version, actor, reason }: LifecycleOf<'PromoteCommanded'>,
  decisions: Decisions,
): void {
  if (versionOf(record, version) === undefined)
    decisions.refuse('promote', version, `there is no version ${version} that has passed its gates`, actor);
  else if (version === record.champion)
    decisions.refuse('promote', version, `version ${version} serves already`, actor);
  else decisions.promote(version, actor, reason, null);
}

function rollBackByHand(
  { champion, previous }: ModelRecord,
  command: LifecycleOf<'RollbackCommanded'>,
  decisions: Decisions,
): void {
  const { actor, reason } = command;
  const meant = command.version ?? champion;
  const refuse = (why: string): void => decisions.refuse('rollback', meant, why, actor);
  if (meant !== champion) refuse(`it was to take back version ${meant}, and version ${champion} serves now`);
  else if (previous === null) refuse('there is no previous version to go back to');
  else decisions.rollBack(actor, reason, null);
}

/** Gates, then the first champion or the shadow. */
function judge(
  record: ModelRecord,
  { run, candidates }: ModelRecord['trained'][number],
  now: number,
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
      addVersion(record, { version, run, registeredAt: now, candidate, gates, served: [] });
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
      name: `imported from ${file}`,
      trainer: 'import',
      trainingRows: 0,
      onnx,
      manifest,
      metrics: {},
      baseline: {},
      onnxDifferenceMax: null,
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
  if (back !== undefined) return decisions.rollBack('registry', back.reason, back);
  const { approval, canary: stage } = record.spec.rollout;
  const canary = decided.find(({ role }) => role === 'canary');
  if (canary !== undefined) {
    const { challenger: version, reason, evidence } = canary;
    const isThrough = wins.includes(canary);
    if (isThrough && approval === 'automatic') return decisions.promote(version, 'registry', reason, canary);
    if (isThrough) decisions.hold(canary);
    decisions.endCanary(version, isThrough ? 'passed' : 'aborted', reason, evidence);
  }
  let proved = wins.filter((one) => one !== canary).sort((a, b) => b.evidence.lower - a.evidence.lower);
  if (canaryOf(record) === undefined && proved.length > 0) {
    const [best, ...others] = proved as [Comparison, ...Comparison[]];
    if (stage === undefined && approval === 'automatic')
      return decisions.promote(best.challenger, 'registry', best.reason, best);
    if (stage === undefined) decisions.hold(best);
    else decisions.startCanary(best);
    proved = others;
  }
  const running = canaryOf(record);
  // Those that proved themselves beside a canary wait for what becomes of it.
  record.undecided = running === undefined ? [] : proved;
  const through = decided
    .filter((one) => one !== canary && one.challenger !== running?.version && !record.undecided.includes(one))
    .map(({ challenger }) => challenger);
  if (through.length > 0) decisions.dismiss(through, `version ${through.join(' and ')} left the shadow`);
}

function lossOf({ metrics, baseline }: Candidate): string {
  const [loss, trivial] = [metrics['loss'], baseline['loss']];
  if (loss === null || loss === undefined || trivial === null || trivial === undefined) return '';
  return ` (holdout loss ${loss.toPrecision(3)}, baseline ${trivial.toPrecision(3)})`;
}

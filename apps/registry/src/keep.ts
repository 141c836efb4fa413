import { topics, type Candidate, type Lifecycle, type LifecycleOf } from '@gyre/contracts';
import type { Effects, Task } from '@gyre/platform';
import { Decisions } from './decisions.js';
import { failed, gatesOf } from './gates.js';
import { addVersion, canaryOf, newRecord, versionOf, type ModelRecord } from './model-record.js';

/**
 * lifecycle -> lifecycle: which versions there are, which one serves, and the rollout in between.
 *
 * Candidates pass gates or are refused; the best go into shadow; the paired test says which is better; where the spec asks for it, that one answers a share
 * of the requests as canary and is stopped if it is found worse; the champion changes, and the old one
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
  const canary = decided.find(({ role }) => role === 'canary');
  if (canary !== undefined && wins.includes(canary)) return decisions.pass(canary);
  if (canary !== undefined) decisions.endCanary(canary.challenger, 'aborted', canary.reason, canary.evidence);
  const others = decided.filter((one) => one !== canary);
  // Those that proved better meanwhile wait for what becomes of the canary.
  if (canaryOf(record) !== undefined) record.undecided = wins;
  else {
    const [best] = wins.sort((a, b) => b.evidence.lower - a.evidence.lower);
    if (best !== undefined && record.spec.rollout.canary !== undefined) return decisions.startCanary(best);
    if (best !== undefined && record.spec.rollout.approval === 'automatic')
      return decisions.promote(best.challenger, 'registry', best.reason, best);
    if (best !== undefined) decisions.hold(best);
  }
  const through = others.filter((one) => !record.undecided.includes(one)).map(({ challenger }) => challenger);
  if (through.length > 0) decisions.dismiss(through);
}

function lossOf({ metrics, baseline }: Candidate): string {
  const [loss, trivial] = [metrics['loss'], baseline['loss']];
  if (loss === null || loss === undefined || trivial === null || trivial === undefined) return '';
  return ` (holdout loss ${loss.toPrecision(3)}, baseline ${trivial.toPrecision(3)})`;
}

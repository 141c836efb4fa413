import type { Candidate, Gate, LifecycleOf, LifecycleType, ModelInForce } from '@gyre/contracts';

export interface VersionRecord {
  version: number;
  run: string;
  registeredAt: number;
  candidate: Candidate;
  gates: Gate[];
  /** Event times between which it was champion. */
  served: { from: number; until: number | null }[];
}

export type Challenger = LifecycleOf<'RolloutStarted'>['challengers'][number];
export type Comparison = LifecycleOf<'ComparisonDecided'>;

export interface Rollout {
  name: string;
  incumbent: number;
  challengers: Challenger[];
}

/** What the registry knows of one model: the fold of its lifecycle. */
export interface ModelRecord {
  spec: ModelInForce;
  versions: VersionRecord[];
  nextVersion: number;
  nextRollout: number;
  champion: number | null;
  previous: number | null;
  rollout: Rollout | null;
  /** The champion's error has risen, or it is worse than promised: a challenger then only must not be worse. */
  lossConfirmed: boolean;
  /** Event time at which that loss was over again: it is forgotten at the first tick after it. */
  recoveredAt: number | null;
  /** Comparisons decided since the last tick; what follows from them is decided together, at the tick. */
  undecided: Comparison[];
  /** Runs that have ended since the last tick: their versions are of the tick, for a run takes its time. */
  trained: Pick<LifecycleOf<'TrainingFinished'>, 'run' | 'candidates'>[];
  promotions: number;
  rollbacks: number;
  latest: { type: LifecycleType; occurredAt: number; reason: string } | null;
}

/** Versions that the record keeps; the log keeps all. */
const VERSIONS_KEPT = 200;

export function newRecord(spec: ModelInForce): ModelRecord {
  return {
    spec,
    versions: [],
    nextVersion: 1,
    nextRollout: 1,
    champion: null,
    previous: null,
    rollout: null,
    lossConfirmed: false,
    recoveredAt: null,
    undecided: [],
    trained: [],
    promotions: 0,
    rollbacks: 0,
    latest: null,
  };
}

export function versionOf(record: ModelRecord, version: number | null): VersionRecord | undefined {
  return record.versions.find((one) => one.version === version);
}

/** The version that answers a share before it may become champion. */
export function canaryOf({ rollout }: ModelRecord): Challenger | undefined {
  return rollout?.challengers.find(({ role }) => role === 'canary');
}

export function addVersion(record: ModelRecord, version: VersionRecord): void {
  record.versions.push(version);
  record.nextVersion = version.version + 1;
  const kept = new Set([
    record.champion,
    record.previous,
    ...(record.rollout?.challengers.map((c) => c.version) ?? []),
  ]);
  while (record.versions.length > VERSIONS_KEPT) {
    const oldest = record.versions.findIndex((one) => !kept.has(one.version));
    record.versions.splice(oldest, 1);
  }
}

/** Makes a version the champion from `at` on; the one before becomes the previous. */
export function enthrone(record: ModelRecord, version: number, at: number): void {
  const before = versionOf(record, record.champion);
  const last = before?.served.at(-1);
  if (last !== undefined) last.until = at;
  versionOf(record, version)?.served.push({ from: at, until: null });
  record.previous = record.champion;
  record.champion = version;
  record.lossConfirmed = false;
  record.recoveredAt = null;
}

/** What the gateway must serve and score, as the record stands. */
export function servingOf(
  record: ModelRecord,
): Pick<LifecycleOf<'ServingChanged'>, 'champion' | 'previous' | 'shadows' | 'arms' | 'rollout'> {
  const served = (version: number | null) => {
    const found = versionOf(record, version);
    return found === undefined ? null : { version: found.version, onnx: found.candidate.onnx };
  };
  const shadows = (record.rollout?.challengers ?? [])
    .map(({ version }) => served(version))
    .filter((one) => one !== null);
  const canary = canaryOf(record);
  const { split = [], canary: stage } = record.spec.rollout;
  const shares =
    canary === undefined || stage === undefined
      ? split
      : [{ version: canary.version, weight: stage.weight, role: 'canary' as const }];
  const arms = shares.flatMap(({ version, weight, role }) => {
    const arm = version === record.champion ? null : served(version);
    return arm === null ? [] : [{ ...arm, weight, role }];
  });
  return {
    champion: served(record.champion),
    previous: served(record.previous),
    shadows,
    ...(arms.length === 0 ? {} : { arms }),
    rollout: record.rollout?.name ?? null,
  };
}

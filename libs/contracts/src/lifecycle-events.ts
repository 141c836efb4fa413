import { z } from 'zod';
import type { FeatureViewSpec } from './feature-view.js';
import type { ModelInForce } from './model.js';
import { Instant } from './time.js';

/** Who decided: a service by its name, or a person as authenticated. */
const Actor = z.string();
const base = {
  /** The model that it is about; for a feature view, the view's name. Key of the topic. */
  model: z.string(),
  /** Event time of what led to it, UTC. */
  occurredAt: Instant,
  actor: Actor,
  /** In words that a person understands, with the numbers. */
  reason: z.string(),
};
const Version = z.int().positive();
const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** A check that a version must pass. `value` and `limit` are in the metric's unit. */
export const Gate = z.object({
  name: z.string(),
  passed: z.boolean(),
  value: z.number().nullable(),
  limit: z.number().nullable(),
  detail: z.string(),
});
export type Gate = z.infer<typeof Gate>;

/** A trained model that waits for the registry's judgement. */
export const Candidate = z.object({
  /** trainer and window, such as `trees on the last 5000 rows`. */
  name: z.string(),
  trainer: z.string(),
  /** Rows that it was trained on, holdout included where it was fitted again on all. */
  trainingRows: z.int().min(0),
  onnx: Sha256,
  /** Settings, training set, seed, versions of the software: enough to make the same bytes again. */
  manifest: Sha256,
  /** On the time-ordered holdout. `loss` is the mean clipped loss that the rollout compares too. */
  metrics: z.record(z.string(), z.number().nullable()),
  baseline: z.record(z.string(), z.number().nullable()),
  /** Largest difference between ONNX and trainer over the holdout rows; null where it was not trained here. */
  onnxDifferenceMax: z.number().nullable(),
});
export type Candidate = z.infer<typeof Candidate>;

/** How a feature was distributed in a training set (ReferenceBins of @gyre/drift): what covariate drift and quality are measured against. */
export const FeatureReference = z.object({
  /** view.field */
  feature: z.string(),
  /** Inner edges of the bins, rising: bin i holds edges[i - 1] <= value < edges[i]. */
  edges: z.array(z.number()),
  /** Training rows in each bin: edges.length + 1 numbers. */
  counts: z.array(z.number()),
  /** Training rows without a value. */
  missing: z.number(),
});
export type FeatureReference = z.infer<typeof FeatureReference>;

/** How a training set looked as a whole. */
export const ReferenceRows = z.object({
  /** Some of its rows, evenly spread: a character per input in the model's order (`binnedRow` of @gyre/drift), the rows one after the other. */
  rows: z.string(),
  /** The period that its inputs show, ms; null where they show none, or nobody asked for it. */
  period: z.number().positive().nullable(),
});
export type ReferenceRows = z.infer<typeof ReferenceRows>;

/** A confidence sequence for the mean of (incumbent's loss − challenger's loss): above 0 the challenger is better. */
export const PairedEvidence = z.object({
  pairs: z.int(),
  mean: z.number(),
  lower: z.number(),
  upper: z.number(),
  alpha: z.number(),
});
export type PairedEvidence = z.infer<typeof PairedEvidence>;

/** Where in the stream something was seen. */
export const At = z.object({ prediction: z.string(), request: z.string().nullable(), labels: z.int() });

const event = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.object({ ...base, type: z.literal(type), ...shape });

export const ViewApplied = event('ViewApplied', {
  spec: z.custom<FeatureViewSpec>((v) => typeof v === 'object' && v !== null),
});
export const ModelApplied = event('ModelApplied', {
  spec: z.custom<ModelInForce>((v) => typeof v === 'object' && v !== null),
});

/**
 * What is wrong. `quality`: values are missing or out of range; `concept`: the error rose; `covariate`: the inputs moved; `prediction`: the answers
 * moved; `fairness`: groups are treated more differently than chance would have it.
 */
export const DriftKind = z.enum(['quality', 'concept', 'covariate', 'prediction', 'fairness']);
export type DriftKind = z.infer<typeof DriftKind>;

/** drift-monitor: a watch has found something. */
export const DriftDetected = event('DriftDetected', {
  version: Version.nullable(),
  kind: DriftKind,
  detector: z.string(),
  /** For covariate and quality: the feature, as view.field. */
  feature: z.string().nullable(),
  /** Labels since the detector last started afresh, or rows of the window. */
  observations: z.int(),
  /** Labels since the change, as far as can be told; absent where it cannot. */
  since: z.int().min(0).optional(),
  /** What `before` and `after` are, where they are no shares: the mean absolute error of a regression. */
  metric: z.literal('mae').optional(),
  before: z.number().nullable(),
  after: z.number().nullable(),
  at: At,
});
export const PerformanceDropped = event('PerformanceDropped', {
  version: Version.nullable(),
  metric: z.string(),
  value: z.number(),
  reference: z.number(),
  at: At,
});
/** What probably led to an incident, in words, with the numbers in `before` and `after`. */
export const Cause = z.object({
  kind: z.enum(['feature', 'segment', 'answers', 'error', 'together', 'group']),
  /** view.field, or a segment such as `v.x at least 3`; empty for the answers, the error and how the inputs hang together. */
  name: z.string(),
  words: z.string(),
  before: z.number().nullable(),
  after: z.number().nullable(),
});
export type Cause = z.infer<typeof Cause>;

/** What of an incident changes while it is open. */
const incident = {
  /** `model-incident-3`: the same from its opening to its end. */
  incident: z.string(),
  version: Version,
  kind: DriftKind,
  /**
   * By the loss. `critical`: the error rose by a half, or the share of wrong answers by 0.1. `warning`: it rose less, or values are faulty. `info`: no loss was found.
   * An estimated loss counts as a measured one.
   */
  severity: z.enum(['critical', 'warning', 'info']),
  /** Whether somebody is to be told now. Inputs or answers that moved without a loss do not. */
  pages: z.boolean(),
  /** Ranked: the first costs most. */
  causes: z.array(Cause),
  /**
   * The mean error before and after, as a share of wrong answers or (`metric`) as the mean absolute error of a regression: measured on labels, or, where
   * they are not there yet, estimated from how right such answers were. Null where neither can be.
   */
  loss: z
    .object({
      before: z.number(),
      after: z.number(),
      by: z.enum(['measured', 'estimated']),
      metric: z.literal('mae').optional(),
    })
    .nullable(),
  openedAt: Instant,
  at: At,
};
/**
 * drift-monitor: something is wrong with the champion. All findings of one time are one incident: it is updated when more is known
 * or it gets worse, and closed when it is over.
 */
export const IncidentOpened = event('IncidentOpened', incident);
export const IncidentUpdated = event('IncidentUpdated', incident);
export const IncidentClosed = event('IncidentClosed', { ...incident, outcome: z.enum(['recovered', 'replaced']) });

/** Enough labels have come for the first run, or enough new ones for the next. */
export const LabelsReached = event('LabelsReached', { labels: z.int(), at: At });

/** retrain-trigger. */
export const TrainingRequested = event('TrainingRequested', {
  run: z.string(),
  trigger: z.enum(['bootstrap', 'drift', 'performance', 'newLabels', 'manual']),
  champion: Version.nullable(),
  /** The training set holds labels known at or before this event time. */
  asOf: Instant,
  labels: z.int(),
  /** Rows wanted at most, newest first. */
  rowsMax: z.int(),
  /** Training windows: newest rows. */
  windows: z.array(z.int()),
  seed: z.int(),
});
/** Drift and lost performance that are declined for something that passes are looked at again when it has; that is not said once more. */
export const TrainingDeclined = event('TrainingDeclined', {
  trigger: z.string(),
  code: z.enum(['cooldown', 'too-few-labels', 'run-under-way', 'switched-off']),
});

/** feature-store. */
export const TrainingSetBuilt = event('TrainingSetBuilt', {
  run: z.string(),
  rows: z.int(),
  /** Parquet; see feature-store's training-set.ts for its columns. */
  data: Sha256,
  manifest: Sha256,
  /** sha-256 of the sorted rows. */
  digest: Sha256,
  /** Rows whose features by point-in-time join differ from what serving saw: 0, or the run fails. */
  parityMismatches: z.int(),
  request: TrainingRequested,
});

/** trainer, or whoever gives the run up. A run without candidates says why; the drift or lost performance that it was for is looked at again after the cooldown. */
export const TrainingFinished = event('TrainingFinished', {
  run: z.string(),
  trigger: z.string(),
  /** Best first, by their loss on the holdout. */
  candidates: z.array(Candidate),
  /** Of the whole training set, in the order of the model's inputs; empty where the run failed. */
  reference: z.array(FeatureReference),
  together: ReferenceRows.optional(),
  failure: z.string().nullable(),
});

/** registry. */
export const VersionRegistered = event('VersionRegistered', {
  version: Version,
  run: z.string(),
  candidate: Candidate,
  gates: z.array(Gate),
});
export const VersionRefused = event('VersionRefused', { run: z.string(), candidate: Candidate, gates: z.array(Gate) });
/**
 * Versions that are scored in shadow and compared with the champion, each by rules of its own. New challengers may take its place; so may a
 * proved one that answers a share of the requests as canary. For the bake period after a promotion the previous champion is among them, and
 * may be taken back.
 *
 * A rollout that only changes its challengers goes on with the evidence so far under a new name (`continues`).
 */
export const RolloutStarted = event('RolloutStarted', {
  rollout: z.string(),
  continues: z.string().nullable(),
  incumbent: Version,
  challengers: z.array(
    z.object({
      version: Version,
      role: z.enum(['challenger', 'canary', 'previous']),
      rule: z.enum(['better', 'notWorse']),
      alpha: z.number(),
      notWorseBy: z.number(),
      pairsMax: z.int(),
    }),
  ),
});
export const RolloutEnded = event('RolloutEnded', {
  rollout: z.string(),
  outcome: z.enum(['promoted', 'rolledBack', 'decided', 'continued']),
});
/** The whole of what the gateway needs to know to serve a model: the newest one counts. */
export const ServingChanged = event('ServingChanged', {
  champion: z.object({ version: Version, onnx: Sha256 }).nullable(),
  previous: z.object({ version: Version, onnx: Sha256 }).nullable(),
  shadows: z.array(z.object({ version: Version, onnx: Sha256 })),
  /** Versions that answer a share of the requests in the champion's place: a challenger as canary, or the arms of a split that the spec names. */
  arms: z
    .array(
      z.object({ version: Version, onnx: Sha256, weight: z.number().gt(0).max(1), role: z.enum(['canary', 'split']) }),
    )
    .optional(),
  rollout: z.string().nullable(),
});
export const Promoted = event('Promoted', {
  version: Version,
  from: Version.nullable(),
  rollout: z.string().nullable(),
  evidence: PairedEvidence.nullable(),
});
export const RolledBack = event('RolledBack', {
  version: Version,
  from: Version,
  rollout: z.string().nullable(),
  evidence: PairedEvidence.nullable(),
});

/** A version that proved itself in shadow now answers a share of the requests. */
export const CanaryStarted = event('CanaryStarted', {
  version: Version,
  incumbent: Version,
  weight: z.number().gt(0).max(1),
  /** Labelled pairs after which it is through. */
  pairs: z.int(),
  /** What it proved in shadow. */
  evidence: PairedEvidence,
});
/** It was not found worse (`passed`), or it was, or a person stopped it (`aborted`). */
export const CanaryEnded = event('CanaryEnded', {
  version: Version,
  incumbent: Version,
  outcome: z.enum(['passed', 'aborted']),
  evidence: PairedEvidence.nullable(),
});

/** A version has proved itself, but the spec wants a person's word: `gyre promote`. */
export const PromotionHeld = event('PromotionHeld', {
  version: Version,
  rollout: z.string(),
  evidence: PairedEvidence,
});

/**
 * Of a canary: the losses of what it answered and of what the champion answered, on different requests. Each bound is one end of a confidence
 * sequence for that mean. A request that the canary failed has the largest loss.
 */
export const UnpairedEvidence = z.object({
  canary: z.object({ answers: z.int(), mean: z.number(), lower: z.number() }),
  champion: z.object({ answers: z.int(), mean: z.number(), upper: z.number() }),
  alpha: z.number(),
});
export type UnpairedEvidence = z.infer<typeof UnpairedEvidence>;

/** drift-monitor, once per challenger and rollout. */
export const ComparisonDecided = event('ComparisonDecided', {
  rollout: z.string(),
  role: z.enum(['challenger', 'canary', 'previous']),
  challenger: Version,
  incumbent: Version,
  verdict: z.enum(['better', 'notWorse', 'worse', 'inconclusive']),
  evidence: PairedEvidence,
  unpaired: UnpairedEvidence.optional(),
  at: At,
});

/** A person brought an ONNX file: it becomes a version and serves at once. */
export const ModelImported = event('ModelImported', {
  /** Of the graph as it is served. */
  onnx: Sha256,
  /** The file it came as, what was changed in it, its inputs and outputs: see registry's import-model.ts. */
  manifest: Sha256,
  /** The file's name. */
  file: z.string(),
  /** A run of one row took so long when it was tried, µs; null where no sample fitted its inputs. */
  runMicros: z.number().nullable(),
});

/** People's commands; a service answers each with a decision, a TrainingDeclined or a CommandRefused. */
export const RetrainCommanded = event('RetrainCommanded', {});
export const PromoteCommanded = event('PromoteCommanded', { version: Version });
export const RollbackCommanded = event('RollbackCommanded', {
  /** The champion that is to be taken back; commands of older logs do not name it. */
  version: Version.optional(),
});
/** registry: the command could not be followed any more when its turn came. */
export const CommandRefused = event('CommandRefused', {
  command: z.enum(['promote', 'rollback']),
  /** That was to be promoted, or taken back; null where the command named none. */
  version: Version.nullable(),
});

/** gyre.lifecycle: every decision, in order, per model. */
export const Lifecycle = z.discriminatedUnion('type', [
  ViewApplied,
  ModelApplied,
  DriftDetected,
  PerformanceDropped,
  IncidentOpened,
  IncidentUpdated,
  IncidentClosed,
  LabelsReached,
  TrainingRequested,
  TrainingDeclined,
  TrainingSetBuilt,
  TrainingFinished,
  VersionRegistered,
  VersionRefused,
  RolloutStarted,
  RolloutEnded,
  ServingChanged,
  Promoted,
  PromotionHeld,
  CanaryStarted,
  CanaryEnded,
  RolledBack,
  ComparisonDecided,
  ModelImported,
  RetrainCommanded,
  PromoteCommanded,
  RollbackCommanded,
  CommandRefused,
]);
export type Lifecycle = z.infer<typeof Lifecycle>;
export type LifecycleType = Lifecycle['type'];
export type LifecycleOf<T extends LifecycleType> = Extract<Lifecycle, { type: T }>;

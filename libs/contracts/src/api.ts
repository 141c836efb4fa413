import type { FeatureViewSpec } from './feature-view.js';
import type { Candidate, Gate, Lifecycle, LifecycleType, PairedEvidence } from './lifecycle-events.js';
import type { ModelInForce } from './model.js';
import type { OutcomeKind, PerformanceMeasured } from './serving-events.js';

/**
 * What the HTTP interface answers: the console and the CLI read it, services write it. Times are UTC milliseconds.
 * Failures are `{ error: { code, message, details } }` with the status of the error table.
 */

/** POST /v1/specs, with one or more YAML documents as body. */
export interface AppliedSpecs {
  applied: { kind: 'FeatureView' | 'Model'; name: string; changed: boolean }[];
  /** Processes that did not say in time that they know the specs, and why; absent where all did. */
  unconfirmed?: string[];
}

/** POST /v1/models/:model/import, with an ONNX file as body. */
export interface Imported {
  model: string;
  /** sha-256 of the graph as it is served. */
  onnx: string;
  manifest: string;
  inputs: TensorSignature[];
  outputs: TensorSignature[];
  /** Of a classifier, in the order of its probabilities. */
  classes: (string | number)[];
  /** Outputs that were lists of maps, and are matrices of probabilities now. */
  cut: string[];
  /** Processes that did not say in time that they know the model, and why; absent where all did. */
  unconfirmed?: string[];
}
/** An input or output by the names of the Open Inference Protocol; -1 is a dimension of any size. */
export interface TensorSignature {
  name: string;
  datatype: string;
  shape: number[];
}

/** GET /v1/specs */
export interface SpecsInForce {
  views: FeatureViewSpec[];
  models: ModelInForce[];
}

/** GET /v1/models (a list of these) and GET /v1/models/:model */
export interface ModelStatus {
  model: string;
  type: 'binary' | 'multiclass' | 'regression';
  /** `waiting`: no version yet, the fallback answers. */
  phase: 'waiting' | 'serving' | 'shadow' | 'canary' | 'bake';
  champion: number | null;
  previous: number | null;
  challengers: number[];
  rollout: string | null;
  versions: number;
  promotions: number;
  rollbacks: number;
  /** The newest decision. */
  latest: { type: LifecycleType; occurredAt: number; reason: string } | null;
}

/** GET /v1/models/:model/versions, newest first */
export interface VersionInfo {
  version: number;
  run: string;
  registeredAt: number;
  role: 'champion' | 'previous' | 'challenger' | 'canary' | 'archived';
  candidate: Candidate;
  gates: Gate[];
  /** Event times between which it was champion. */
  served: { from: number; until: number | null }[];
}

/** GET /v1/models/:model/timeline?limit=100&before=OFFSET, newest first */
export interface TimelineEntry {
  offset: number;
  type: LifecycleType;
  occurredAt: number;
  actor: string;
  reason: string;
  event: Lifecycle;
}

/** GET /v1/models/:model/served?at=2026-11-22T14:05:00Z */
export interface Served {
  at: number;
  /** null: the fallback. */
  version: number | null;
  since: number | null;
  /** Who put it there, and why. */
  actor: string | null;
  reason: string | null;
  evidence: PairedEvidence | null;
}

/** POST /v1/models/:model/versions/:version/reproduce: the version was trained again, from its manifest alone. */
export interface Reproduced {
  model: string;
  version: number;
  /** Whether the ONNX file came out the same, to the byte. */
  same: boolean;
  /** sha-256 of the file. */
  onnx: { registered: string; again: string };
  /** Whether all that the manifest says came out the same too: rounds, metrics, how far ONNX and trainer differ. */
  sameManifest: boolean;
  /** Software that is another than at the time: then the bytes may differ. */
  otherSoftware: { name: string; then: string; now: string }[];
}

/** GET /v1/models/:model/performance */
export interface Performance {
  model: string;
  /** `accuracy` or `mae`: the metric that people look at first, and whether more of it is better. */
  metric: string;
  higherIsBetter: boolean;
  /** Oldest first; at most the newest 2,000. */
  windows: PerformanceMeasured[];
  labels: number;
}

/** GET /v1/models/:model/labels */
export interface LabelCounts {
  model: string;
  counts: Record<OutcomeKind, number>;
  /** Predictions that no label has reached yet, within the horizon. */
  waiting: number;
  /** Labels of this model that wait for a prediction not seen yet. */
  early: number;
  /** The same of labels that name a prediction and no model: whose they are, nobody knows yet. */
  earlyUnnamed: number;
  /** Of the predictions whose horizon has ended or whose label has come in time, the share whose label did; null before the first. */
  coverage: number | null;
}

/** So many dead letters at most are listed in one answer. */
export const DEAD_LETTERS_LISTED_MAX = 100_000;

/** GET /v1/deadletters?limit=100, newest first */
export interface DeadLetterEntry {
  /** Position in gyre.deadletter: what a replay names. */
  partition: number;
  offset: number;
  group: string;
  code: string;
  reason: string;
  source: { topic: string; partition: number; offset: number };
  occurredAt: number;
  attempts: number;
  preview: string;
}

/** POST /v1/events: a JSON event, an array of them, or one a line (NDJSON) */
export interface EventsAccepted {
  /** Events now in gyre.ingest; their checks follow, and what they refuse lies in the dead letters. */
  accepted: number;
  /** Events that could not even be appended; they lie in the dead letters too. */
  refused: { index: number; code: string; reason: string }[];
}

/** GET /v1/stream: server-sent events; `lifecycle` carries a TimelineEntry with its model, `performance` a model's name whose numbers moved. */
export interface StreamedLifecycle extends TimelineEntry {
  model: string;
}

/** POST /v1/models/:model/promote, rollback, retrain */
export interface CommandAccepted {
  accepted: true;
  /** What will follow, and where to see it. */
  message: string;
}

/** POST /v2/models/:model/explain and GET /v1/predictions/:id/explanation: what each feature contributes, by Shapley values. */
export interface Explained {
  model: string;
  version: number;
  /** Trees and linear models are explained exactly, others by scoring rows that are part theirs and part a background row's. */
  method: 'tree-path-dependent' | 'tree-interventional' | 'linear' | 'constant' | 'exact' | 'permutation';
  /** The unit of base, contributions and scores: log-odds of the second class, a score of each class before the softmax, probabilities, or the value. */
  space: 'log-odds' | 'score' | 'probability' | 'value';
  /** What the row is compared with: the rows that it was trained on, those that the request brought, or its newest predictions. */
  background: { source: 'training' | 'request' | 'predictions'; rows: number | null };
  /** Rows that were scored for it. */
  evaluations: number;
  features: string[];
  /** What the scores are of: classes, or the value. */
  outputs: string[];
  rows: {
    /** Of a past prediction. */
    prediction_id: string | null;
    /** Where features were looked up: the worst of all, and the age of the oldest. */
    feature_status?: string;
    feature_age_ms?: number | null;
    /** null is missing. */
    values: (number | string | null)[];
    /** By output: the score of which nothing is known. */
    base: number[];
    /** By output and feature. Base and contributions add up to the score. */
    contributions: number[][];
    scores: number[];
    /** The model's answer: the probability of each class, or the value. */
    prediction: number[];
  }[];
}

/** GET /v1/session: who calls. */
export interface Session {
  name: string;
  /** As they were granted: `operator`, `predictor:fraud-*`. */
  roles: string[];
  /** Whether it is the user of a browser who has signed in, and can sign out. */
  signedIn: boolean;
  /** Until when, UTC milliseconds; null: without end. */
  expiresAt: number | null;
}

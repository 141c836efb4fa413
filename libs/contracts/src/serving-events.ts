import { z } from 'zod';
import { LabelValue } from './label-value.js';
import { Instant } from './time.js';

/** A feature's value: null is missing. */
export const FeatureValue = z.union([z.number(), z.string(), z.boolean(), z.null()]);
export type FeatureValue = z.infer<typeof FeatureValue>;

/** gyre.features: what a producer said about an entity, checked and without its private fields. */
export const FeaturesObserved = z.object({
  /** The producer's event id. */
  event: z.string(),
  view: z.string(),
  entity: z.string(),
  /** When it was so, by the producer. */
  occurredAt: Instant,
  /** The fields that the event brought; others of the view stay as they were. */
  values: z.record(z.string(), FeatureValue),
});
export type FeaturesObserved = z.infer<typeof FeaturesObserved>;

/**
 * gyre.history: what the online store shows of an entity from this revision on.
 * Revisions of one entity and view count 1, 2, 3 …; a prediction names the one that it was made from.
 */
export const OnlineChanged = z.object({
  view: z.string(),
  entity: z.string(),
  revision: z.int().positive(),
  /** Event time of the observation that changed it. */
  occurredAt: Instant,
  /** Every field's newest value by event time, and that time. */
  fields: z.record(z.string(), z.object({ value: FeatureValue, occurredAt: Instant })),
});
export type OnlineChanged = z.infer<typeof OnlineChanged>;

/** One version's answer: the probability of each class in the model's order, or [value] for a regression. */
export const Scored = z.object({ version: z.int().positive(), output: z.array(z.number()) });
export type Scored = z.infer<typeof Scored>;

/** gyre.predictions: one answer of the gateway, with all that is needed to judge it later. */
export const Predicted = z.object({
  /** See prediction-id.ts. */
  id: z.string(),
  model: z.string(),
  /** Event time of the request: its `time` parameter, else the gateway's clock. */
  occurredAt: Instant,
  /** The client's own request id. */
  request: z.string().nullable(),
  entity: z.string().nullable(),
  /** What the model saw, in the order of its inputs, as float32; null is missing. */
  features: z.array(z.number().nullable()),
  /** The revision of each view that the features were read from; null where the request brought tensors. */
  seen: z.record(z.string(), z.int().min(0)).nullable(),
  /** The version that answered; null is the fallback. */
  version: z.int().positive().nullable(),
  /** Why it is not what the request was meant to get that answered: the fallback, or another version in its place; null where it is. */
  fallback: z.string().nullable(),
  /** What was answered: the probabilities or [value]; the fallback's, where it answered. */
  output: z.array(z.number()),
  /** The rollout that was under way. */
  rollout: z.string().nullable(),
  /** Versions scored in shadow on the same features. */
  shadows: z.array(Scored),
  /** How the request came to what answered it: see the gateway's routing.ts. Absent in old records: the champion, or as it asked. */
  route: z.string().optional(),
  /**
   * Instead of an answer: why there was none, by error code. Nothing is judged or learnt from it. More than one request: so many were turned away in a
   * second, and this record counts them.
   */
  failure: z.object({ code: z.string(), requests: z.int().positive() }).optional(),
});
export type Predicted = z.infer<typeof Predicted>;

/** gyre.feedback: a label has come back, for a prediction id, or for the latest prediction of an entity at or before a time. */
export const LabelObserved = z.object({
  event: z.string(),
  model: z.string().nullable(),
  prediction: z.string().nullable(),
  entity: z.string().nullable(),
  /** With `entity`: the moment whose prediction is meant. */
  at: Instant.nullable(),
  value: LabelValue,
  /** When the label became known, by the producer. */
  occurredAt: Instant,
});
export type LabelObserved = z.infer<typeof LabelObserved>;

/**
 * gyre.outcomes: what became of a prediction.
 * - `joined`: its first label, in time: feeds detectors and training.
 * - `corrected`: another value than before: training only.
 * - `late`: a first label after the horizon: training only. The prediction has expired before.
 * - `repeated`: the same value again: counted only.
 * - `expired`: no label within the horizon: counts against coverage.
 */
export const OutcomeKind = z.enum(['joined', 'corrected', 'late', 'repeated', 'expired']);
export type OutcomeKind = z.infer<typeof OutcomeKind>;

export const Outcome = z.object({
  kind: OutcomeKind,
  model: z.string(),
  prediction: z.string(),
  /** When the label became known; for `expired`, when the horizon ended. */
  occurredAt: Instant,
  /** Class index in the model's order, or the real value; null for `expired`. */
  label: z.number().nullable(),
  /** The prediction itself, for `joined`; for the others training reads it from the archive. */
  predicted: Predicted.nullable(),
  /** So many labels, where they came before their prediction and were only counted; absent: one. */
  times: z.int().positive().optional(),
});
export type Outcome = z.infer<typeof Outcome>;

/**
 * gyre.inputs: what one version was fed and answered in some rows of one partition, counted in the bins of what it was trained on. Counts of
 * partitions add up to exactly what one partition would have counted.
 */
export const InputsMeasured = z.object({
  model: z.string(),
  version: z.int().positive(),
  /** Where in the season its rows lie: 0 where the spec declares none. */
  phase: z.int().min(0),
  rows: z.int().positive(),
  /** Event times of its first and last row. */
  from: Instant,
  to: Instant,
  /** The latest time that the fold had been told when it counted them: what is decided at that tick knows nothing of them. */
  toldAt: Instant,
  /** The newest prediction among them. */
  prediction: z.string(),
  request: z.string().nullable(),
  /** In the order of the model's inputs; empty where the version came without a reference. */
  features: z.array(z.object({ counts: z.array(z.number()), missing: z.int(), outOfRange: z.int() })),
  /** Rows by bin of the answer: of its probability, its class, or its logarithm. */
  outputs: z.record(z.string(), z.number()),
  /** Some of its rows, chosen by their prediction's id: a character per input (`binnedRow` of @gyre/drift), the rows one after the other. */
  sample: z.string().optional(),
});
export type InputsMeasured = z.infer<typeof InputsMeasured>;

/** How the answers of one version in a window fared; it may have answered beside another. */
export const VersionMeasured = z.object({
  /** Null is the fallback. */
  version: z.int().positive().nullable(),
  /** Of its own answers. */
  labels: z.int().positive(),
  /** Counts of labels before its first and at its last outcome; those of others may lie between. */
  fromLabel: z.int(),
  toLabel: z.int(),
  /** Event times of its first and last label. */
  from: Instant,
  to: Instant,
  metrics: z.record(z.string(), z.number().nullable()),
});
export type VersionMeasured = z.infer<typeof VersionMeasured>;

/** gyre.performance: how the answers of a window of outcomes fared, in order of their labels. */
export const PerformanceMeasured = z.object({
  model: z.string(),
  /** The version that answered most of them; null is the fallback. */
  version: z.int().positive().nullable(),
  /** Counts of labels before its first and at its last outcome. */
  fromLabel: z.int(),
  toLabel: z.int(),
  /** Event times of the first and last label. */
  from: Instant,
  to: Instant,
  /** Of all its answers, whoever gave them: accuracy, kappa, logLoss and loss; or mae, rmse and loss. null where undefined. */
  metrics: z.record(z.string(), z.number().nullable()),
  /** The same of each version's answers alone, in the order in which they first answered. */
  versions: z.array(VersionMeasured).optional(),
  /** By input that the spec declares as a segment, and value: largest groups first, the rest as `other`. `error` is the share of wrong answers, or the mean absolute error. */
  segments: z
    .array(z.object({ feature: z.string(), value: z.string(), rows: z.int(), error: z.number(), loss: z.number() }))
    .optional(),
  /** By input that the spec declares for fairness: how differently the champion treats its groups; null where a rate has no rows. */
  fairness: z
    .array(
      z.object({
        feature: z.string(),
        demographicParityDifference: z.number().nullable(),
        equalizedOddsDifference: z.number().nullable(),
        groups: z.record(
          z.string(),
          z.object({
            rows: z.int(),
            selectionRate: z.number().nullable(),
            /** Rows whose label is 1. */
            baseRate: z.number().nullable().optional(),
            truePositiveRate: z.number().nullable(),
            falsePositiveRate: z.number().nullable(),
            accuracy: z.number().nullable(),
          }),
        ),
      }),
    )
    .optional(),
});
export type PerformanceMeasured = z.infer<typeof PerformanceMeasured>;

/** gyre.deadletter: an event that was refused or could not be processed, and why. The original stays where its position says. */
export const DeadLetter = z.object({
  /** The consumer group that gave up on it, or that would have got it where it was refused before it reached the log. */
  group: z.string(),
  code: z.string(),
  /** What was wrong, where, and what would be right. */
  reason: z.string(),
  topic: z.string(),
  partition: z.int().min(0),
  /** -1 where the event never got a place in the log. */
  offset: z.int().min(-1),
  key: z.string(),
  occurredAt: Instant,
  attempts: z.int().min(0),
  /** The first 2,000 characters, private fields masked. */
  preview: z.string(),
});
export type DeadLetter = z.infer<typeof DeadLetter>;

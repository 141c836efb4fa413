import { z } from 'zod';
import { ResourceName } from './feature-view.js';
import { LabelValue } from './label-value.js';
import { Duration, durationMs } from './time.js';

/** `view.field`, or `view.*` for every field of the view that is not private. */
const FeatureSelector = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]*\.(\*|[A-Za-z_][A-Za-z0-9_]*)$/,
    'a feature is written view.field, or view.* for all fields of a view',
  );

/** `view.field`. */
const OneFeature = z
  .string()
  .regex(/^[a-z][a-z0-9-]*\.[A-Za-z_][A-Za-z0-9_]*$/, 'an input is written view.field, such as customers.region');

const timing = {
  name: z.string().min(1),
  /** How long a label usually takes; never longer than the horizon. It tells readers of the spec, and decides nothing. */
  delay: Duration.default(0),
  /** How long after its prediction a label still feeds the detectors; a later one feeds training only. */
  horizon: Duration.default(7 * 86_400_000),
};
const LabelRules = z
  .discriminatedUnion('type', [
    z.strictObject({
      ...timing,
      type: z.literal('binary'),
      classes: z.tuple([LabelValue, LabelValue]).default([0, 1]),
    }),
    z.strictObject({
      ...timing,
      type: z.literal('multiclass'),
      /** The classes, or how many there are: 5 stands for 0, 1, 2, 3, 4. */
      classes: z.union([
        z
          .int()
          .min(2)
          .max(1000)
          .transform((count): LabelValue[] => Array.from({ length: count }, (_, i) => i)),
        z.array(LabelValue).min(2).max(1000),
      ]),
    }),
    z.strictObject({ ...timing, type: z.literal('regression') }),
  ])
  .refine((label) => label.horizon >= label.delay, {
    path: ['horizon'],
    error: 'must not be shorter than delay, or every label comes too late',
  })
  .superRefine((label, context) => {
    const classes = classesOf(label);
    for (const [i, name] of classes.entries()) {
      const first = classes.findIndex((other) => String(other) === String(name));
      if (first === i) continue;
      context.addIssue({
        code: 'custom',
        path: ['classes', i],
        message: `${JSON.stringify(name)} cannot be told from ${JSON.stringify(classes[first])} of classes[${first}]: classes compare by how they are written`,
      });
    }
  });
export type LabelRules = z.infer<typeof LabelRules>;

const TreesTrainer = z.strictObject({
  kind: z.literal('trees'),
  rounds: z.int().min(1).max(5_000).default(150),
  learningRate: z.number().positive().max(1).default(0.08),
  maxLeaves: z.int().min(2).max(1_024).default(15),
  maxDepth: z.int().min(1).max(64).default(8),
  minLeafRows: z.int().min(1).default(20),
  maxBins: z.int().min(2).max(255).default(63),
  rowFraction: z.number().positive().max(1).default(0.7),
  featureFraction: z.number().positive().max(1).default(0.8),
  earlyStoppingRounds: z.int().min(1).default(15),
});
const LinearTrainer = z.strictObject({ kind: z.literal('linear'), l2: z.number().min(0).default(1) });

/** A trainer is written as its kind alone, or as an object with its settings. */
const Trainer = z.union([
  z
    .enum(['trees', 'linear'])
    .transform((kind) => (kind === 'trees' ? TreesTrainer.parse({ kind }) : LinearTrainer.parse({ kind }))),
  z.discriminatedUnion('kind', [TreesTrainer, LinearTrainer]),
]);
export type TrainerSpec = z.infer<typeof TreesTrainer> | z.infer<typeof LinearTrainer>;

/** How often the watches over a model may cry wolf, all together: alarms per row, or per millisecond. */
export type FalseAlarms = number | { perMs: number };

/** "1 per 100000 rows" or "1 per 30d". */
const FalseAlarms = z.string().transform((text, context): FalseAlarms => {
  const match = /^(\d+(?:\.\d+)?) per (?:(\d+) rows|(\S+))$/.exec(text);
  const alarms = Number(match?.[1] ?? 0);
  const perRow = alarms / Number(match?.[2] ?? Infinity);
  if (perRow > 0 && perRow <= 0.01) return perRow;
  const perMs = alarms / (durationMs(match?.[3] ?? '') || Infinity);
  if (perMs > 0 && perMs <= 1 / 60_000) return { perMs };
  context.addIssue({
    code: 'custom',
    message: `"${text}" is no rate of false alarms; write for example 1 per 100000 rows (at most 1 per 100) or 1 per 30d (at most 1 per 1m)`,
  });
  return z.NEVER;
});

const Drift = z.strictObject({
  /** The dial: false alarms that all watches over the model may raise together while nothing changes. */
  falseAlarms: FalseAlarms.default(1e-5),
  /** Outcomes in one window of performance, of the feature comparison and of the data quality check. */
  windowOutcomes: z.int().min(20).max(100_000).default(500),
  /** A period after which inputs and errors look alike, such as a day: each part of it is compared with the same part of earlier periods. `learned`: the one that the training data show, if any. */
  seasonality: z
    .union([z.literal('learned'), Duration])
    .nullable()
    .default(null),
  /** Inputs by whose values the performance is told apart. */
  segments: z.array(OneFeature).max(20).default([]),
  /** Inputs by whose values a binary classifier must treat its answers alike: the gaps are told with each window, and one beyond chance opens an incident. */
  fairness: z.array(OneFeature).max(20).default([]),
});

const MIN_LABELS = 500;

const Retraining = z
  .strictObject({
    /** Train when drift is found, when performance has dropped, and each time so many new labels are there. */
    onDrift: z.boolean().default(true),
    onPerformance: z.boolean().default(true),
    everyLabels: z.int().min(50).nullable().default(1_000),
    /** The first model is trained when so many labels are there. */
    bootstrapLabels: z.int().min(20).default(2_000),
    /** No run begins before so many labels have come since the last one began. */
    cooldownLabels: z.int().min(0).default(500),
    /** No run begins with fewer labels than this in all: 500, or bootstrapLabels where that is less. */
    minLabels: z.int().min(20).optional(),
    /** Training windows tried as challengers: the newest so many rows. */
    windows: z.array(z.int().min(50)).min(1).max(8).default([1_000, 2_500]),
    /** A window of the rows since the last confirmed drift is tried too, when it holds minLabels rows. */
    sinceDrift: z.boolean().default(false),
    /**
     * The newest share of the training set, in time order, on which challengers are measured before they are let near traffic; the same
     * rows for all of them, at most half of the smallest window.
     */
    holdout: z.number().gt(0.02).lt(0.6).default(0.2),
  })
  .superRefine(({ bootstrapLabels, minLabels = 0 }, context) => {
    if (minLabels <= bootstrapLabels) return;
    context.addIssue({
      code: 'custom',
      path: ['minLabels'],
      message: `must not exceed bootstrapLabels, or the first run is declined when its labels have come: minLabels is ${minLabels}, bootstrapLabels ${bootstrapLabels}`,
    });
  })
  .transform(({ minLabels, ...others }) => ({
    ...others,
    minLabels: minLabels ?? Math.min(MIN_LABELS, others.bootstrapLabels),
  }));

const Rollout = z
  .strictObject({
    /** The chance, per rollout, that a challenger that is no better is promoted; split over concurrent challengers. */
    alpha: z.number().positive().max(0.5).default(0.05),
    /** After confirmed loss a challenger must only be not worse than the champion by this much (in clipped loss). */
    notWorseBy: z.number().min(0).max(1).default(0.01),
    /** Challengers in shadow at a time. */
    maxChallengers: z.int().min(1).max(8).default(3),
    /** A rollout that has decided nothing after so many pairs ends without promotion. */
    maxPairs: z.int().min(100).default(4_000),
    /** After a promotion the old champion stays in shadow for so many pairs, ready to be taken back. */
    bakePairs: z.int().min(0).default(1_000),
    /** `manual` stops before promotion and waits for `gyre promote`. */
    approval: z.enum(['automatic', 'manual']).default('automatic'),
    /**
     * A challenger that has proved itself in shadow first answers a share of the requests, and becomes champion when so many of them, or of its shadow
     * scores, have labels and it was not found worse. Absent: it becomes champion at once.
     */
    canary: z
      .strictObject({
        weight: z.number().gt(0).max(0.5).default(0.1),
        pairs: z.int().min(50).default(500),
      })
      .optional(),
    /** Versions that answer a share of the requests in the champion's place: arms of a split, or a canary. The rest is the champion's. */
    split: z
      .array(
        z.strictObject({
          version: z.int().positive(),
          weight: z.number().gt(0).max(1),
          role: z.enum(['split', 'canary']).default('split'),
        }),
      )
      .max(8)
      .refine((arms) => arms.reduce((sum, { weight }) => sum + weight, 0) <= 1, {
        error: 'the weights must not add up to more than 1',
      })
      .optional(),
  })
  .refine(({ canary, split }) => canary === undefined || split === undefined, {
    path: ['canary'],
    error: 'cannot be combined with split: what one of them shares out the other would count as its own',
  });

/** A class or number. */
const FallbackValue = z.union([z.string(), z.number(), z.boolean()]);

/** A rule that stands in for the model: holds where every feature that it names does. */
const FallbackRule = z.strictObject({
  /** By view.field: within these bounds, ends included, or missing. */
  when: z.record(
    z.string(),
    z
      .strictObject({ min: z.number().optional(), max: z.number().optional(), missing: z.literal(true).optional() })
      .refine((c) => Object.keys(c).length > 0, { error: 'must say min, max or missing, or it holds for everything' })
      .refine((c) => c.missing === undefined || (c.min === undefined && c.max === undefined), {
        error: 'cannot be missing and within bounds',
      }),
  ),
  value: FallbackValue,
});
const fallbackRules = { rules: z.array(FallbackRule).max(100).optional() };

/** What is answered when no version can: by the first rule that holds, else a class or number, or an error. */
const Fallback = z.union([
  z.strictObject({ ...fallbackRules, value: FallbackValue }),
  z.strictObject({ ...fallbackRules, refuse: z.literal(true) }),
]);

/** A model to be kept right, as `gyre apply` takes it. */
export const ModelSpec = z.strictObject({
  kind: z.literal('Model'),
  name: ResourceName,
  features: z.array(FeatureSelector).min(1),
  label: LabelRules,
  trainers: z
    .array(Trainer)
    .min(1)
    .default(() => [TreesTrainer.parse({ kind: 'trees' }), LinearTrainer.parse({ kind: 'linear' })]),
  drift: Drift.prefault({}),
  retraining: Retraining.prefault({}),
  rollout: Rollout.prefault({}),
  /** Default: the first class, or 0. */
  fallback: Fallback.optional(),
  /**
   * What becomes of a request whose features are looked up and one of them is missing or stale, in any of its rows: the model answers, as it learnt to
   * without the value; or the fallback does; or nobody.
   */
  whenMissing: z.enum(['answer', 'fallback', 'refuse']).default('answer'),
  description: z.string().optional(),
});
export type ModelSpec = z.infer<typeof ModelSpec>;

/** A model as it is in force: with the features that its references stand for, in the order of the model's input. */
export interface ModelInForce extends ModelSpec {
  inputs: ModelInput[];
  /** It came as ONNX files: it takes and gives tensors of its own, no view feeds it, and it is never trained here. */
  imported?: true;
}

export interface ModelInput {
  view: string;
  field: string;
  /** The bounds that the view declares. */
  min?: number;
  max?: number;
}

/** The classes of a classifier, in the order of its probabilities; none for a regression. */
export function classesOf(label: LabelRules): LabelValue[] {
  return label.type === 'regression' ? [] : label.classes;
}

/**
 * A label as a number: the index of its class, or the value itself. Classes compare by what they look like written, so that a CSV's "1" is 1.
 * @returns undefined if it is none of the classes, or not a finite number
 */
export function encodeLabel(label: LabelRules, value: LabelValue): number | undefined {
  if (label.type === 'regression') {
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
  }
  const index = label.classes.findIndex((name) => String(name) === String(value));
  return index === -1 ? undefined : index;
}

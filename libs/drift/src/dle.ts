import { requireOption } from './detector.js';

/** Rows to learn a loss from: `features` is row-major float32 of shape [rows, width], NaN for missing; `labels` are the losses, [rows]. */
export interface LossRows {
  readonly features: Float32Array;
  readonly rows: number;
  readonly width: number;
  readonly labels: Float64Array;
}

/**
 * What learns a loss from features: a regression of any kind that the caller brings, such as boosted trees.
 *
 * `predict` answers [rows] finite numbers for row-major features of the width that it was fitted on. For `state` to be plain JSON, `Model`
 * is.
 */
export interface LossLearner<Model> {
  fit(train: LossRows): Model;
  predict(model: Model, features: Float32Array, rows: number): ArrayLike<number>;
}

export interface DleReference {
  /** Row-major float32 of shape [rows, width], NaN for missing; rows that the model was not trained on, in time order. */
  features: Float32Array;
  /** What the model predicted, finite, [rows]. */
  predictions: ArrayLike<number>;
  /** What came true, finite, [rows]. */
  labels: ArrayLike<number>;
}

/** A regression metric that nobody could measure yet, in the label's unit (`mse`: squared). */
export interface LossEstimate {
  value: number;
  /** Three standard errors below and above: where the realised metric of these rows lies if the reference still holds. At least 0. */
  lower: number;
  upper: number;
}

export type RegressionEstimates = Record<'mae' | 'mse' | 'rmse', LossEstimate>;

interface FittedLoss<Model> {
  model: Model;
  /** Realised less estimated loss, on rows that the learner had not seen: the mean, and the deviation in units of the estimated loss. */
  residual: { mean: number; relativeDeviation: number };
  /** Mean of the squared estimated losses of those rows. */
  meanSquare: number;
}

/** Plain JSON where the learner's model is. */
export interface DleState<Model> {
  width: number;
  rows: number;
  absolute: FittedLoss<Model>;
  squared: FittedLoss<Model>;
}

const FOLDS = 5;
const INTERVAL_ERRORS = 3;

/**
 * Direct loss estimation for a regression: a second model, learned on the reference, says how large the error is where the first one
 * predicts. Its mean over a chunk is the expected MAE (or MSE), before any label has come.
 *
 * It sees that inputs moved to where the model errs more; it cannot see that the labels of equal inputs have changed (concept drift).
 * The learner's own error on rows it has not seen (five contiguous folds, so that neighbours in time do not vouch for each other)
 * gives the interval. A loss scatters in proportion to its expectation: with s = √(Σ residual² / Σ estimate²) in the reference and m the mean
 * squared estimate, it reaches 3 · s · √(m_chunk / n_chunk + m_reference / n_reference) to both sides.
 *
 * @see NannyML 0.13.1, `DLE`, for the method; the interval is our own.
 */
export class Dle<Model> {
  private constructor(
    private readonly learner: LossLearner<Model>,
    private readonly fitted: DleState<Model>,
  ) {}

  /**
   * @param reference at least 10 rows
   * @throws RangeError if the shapes do not fit, a prediction or label is not finite, or there are too few rows
   */
  static fit<Model>(reference: DleReference, learner: LossLearner<Model>): Dle<Model> {
    const { predictions, labels } = reference;
    const rows = labels.length;
    requireOption(rows >= 2 * FOLDS, `DLE: a reference has at least ${2 * FOLDS} rows`, rows);
    const { features, width } = withPredictions(reference.features, predictions, rows);
    const absolute = Float64Array.from(labels, (label, row) => {
      requireOption(Number.isFinite(label), `DLE: the label of row ${row} is finite`, label);
      return Math.abs(label - predictions[row]!);
    });
    const squared = absolute.map((error) => error * error);
    return new Dle(learner, {
      width: width - 1,
      rows,
      absolute: learn(learner, { features, rows, width, labels: absolute }),
      squared: learn(learner, { features, rows, width, labels: squared }),
    });
  }

  /** @param state of a `Dle` with an equal learner */
  static restored<Model>(state: DleState<Model>, learner: LossLearner<Model>): Dle<Model> {
    return new Dle(learner, state);
  }

  /**
   * The expected metrics of a chunk.
   *
   * @param features row-major float32 of shape [rows, width], the reference's width
   * @param predictions [rows], finite, one row or more
   * @throws RangeError if the shapes do not fit
   */
  estimate(features: Float32Array, predictions: ArrayLike<number>): RegressionEstimates {
    const { absolute, squared } = this.fitted;
    const mae = this.mean(absolute, this.losses(absolute, features, predictions));
    const mse = this.mean(squared, this.losses(squared, features, predictions));
    const { value, lower, upper } = mse;
    return { mae, mse, rmse: { value: Math.sqrt(value), lower: Math.sqrt(lower), upper: Math.sqrt(upper) } };
  }

  /** The expected absolute error of each row, at least 0: what `lossDriftImportance` shares out over the features. */
  absoluteErrors(features: Float32Array, predictions: ArrayLike<number>): Float64Array {
    return this.losses(this.fitted.absolute, features, predictions);
  }

  state(): DleState<Model> {
    return this.fitted;
  }

  private losses({ model }: FittedLoss<Model>, features: Float32Array, predictions: ArrayLike<number>): Float64Array {
    const rows = predictions.length;
    requireOption(rows > 0, 'DLE: a chunk has at least one row', rows);
    const chunk = withPredictions(features, predictions, rows);
    requireOption(
      chunk.width - 1 === this.fitted.width,
      `DLE: rows have ${this.fitted.width} features`,
      chunk.width - 1,
    );
    return Float64Array.from(this.learner.predict(model, chunk.features, rows), (loss) => Math.max(0, loss));
  }

  private mean({ residual, meanSquare }: FittedLoss<Model>, losses: Float64Array): LossEstimate {
    const n = losses.length;
    const value = Math.max(0, losses.reduce((sum, loss) => sum + loss, 0) / n + residual.mean);
    const ownMeanSquare = losses.reduce((sum, loss) => sum + loss * loss, 0) / n;
    const variance = ownMeanSquare / n + meanSquare / this.fitted.rows;
    const reach = INTERVAL_ERRORS * residual.relativeDeviation * Math.sqrt(variance);
    return { value, lower: Math.max(0, value - reach), upper: value + reach };
  }
}

/** Learns on all rows; on folds, what the learner gets wrong. */
function learn<Model>(learner: LossLearner<Model>, all: LossRows): FittedLoss<Model> {
  const { features, rows, width, labels } = all;
  let [residuals, squares, estimates] = [0, 0, 0];
  for (let fold = 0; fold < FOLDS; fold += 1) {
    const from = Math.floor((fold * rows) / FOLDS);
    const to = Math.floor(((fold + 1) * rows) / FOLDS);
    const rest: LossRows = {
      features: without(features, from * width, to * width),
      rows: rows - (to - from),
      width,
      labels: without(labels, from, to),
    };
    const expected = learner.predict(learner.fit(rest), features.slice(from * width, to * width), to - from);
    for (let row = from; row < to; row += 1) {
      const estimate = Math.max(0, expected[row - from]!);
      const residual = labels[row]! - estimate;
      residuals += residual;
      squares += residual ** 2;
      estimates += estimate ** 2;
    }
  }
  const relativeDeviation = estimates === 0 ? 0 : Math.sqrt(squares / estimates);
  return {
    model: learner.fit(all),
    residual: { mean: residuals / rows, relativeDeviation },
    meanSquare: estimates / rows,
  };
}

function without<A extends Float32Array | Float64Array>(values: A, from: number, to: number): A {
  const rest = values.slice(0, values.length - (to - from)) as A;
  rest.set(values.subarray(to), from);
  return rest;
}

/** The features with the prediction as a last column: a model often errs by what it predicts. */
function withPredictions(
  features: Float32Array,
  predictions: ArrayLike<number>,
  rows: number,
): { features: Float32Array; width: number } {
  requireOption(predictions.length === rows, `DLE: ${rows} rows have as many predictions`, predictions.length);
  const width = features.length / rows;
  requireOption(Number.isInteger(width), `DLE: features have shape [${rows}, width]`, `${features.length} values`);
  const joined = new Float32Array(rows * (width + 1));
  for (let row = 0; row < rows; row += 1) {
    const prediction = predictions[row]!;
    requireOption(Number.isFinite(prediction), `DLE: the prediction of row ${row} is finite`, prediction);
    joined.set(features.subarray(row * width, (row + 1) * width), row * (width + 1));
    joined[row * (width + 1) + width] = prediction;
  }
  return { features: joined, width: width + 1 };
}

import { type Dataset, type Task, checkDataset, columnsOf } from './dataset.js';
import { binFeatures } from './feature-bins.js';
import { drawAscending, mulberry32 } from './generator.js';
import { linkInPlace } from './link.js';
import { meanLossOf } from './losses.js';
import { type Objective, objectiveOf } from './objective.js';
import { type GrowthLimits, TreeGrower } from './tree-grower.js';
import { type Tree, type TreesModel, addTree } from './trees-model.js';

/** How boosted trees are trained; what is not given takes LightGBM's default, see {@link TREES_DEFAULTS}. */
export interface TreesOptions {
  /** Rounds of boosting, each a tree (multiclass: a tree per class). */
  readonly rounds?: number;
  /** By which each tree's values are multiplied, in (0, 1]. */
  readonly learningRate?: number;
  readonly maxLeaves?: number;
  /** Splits between root and leaf; 0 for no limit. */
  readonly maxDepth?: number;
  readonly minLeafRows?: number;
  /** The least sum of second derivatives in a leaf. */
  readonly minLeafHessian?: number;
  /** Added to that sum where a leaf's value is computed (L2). */
  readonly lambda?: number;
  /** A split gains more than this. */
  readonly minGain?: number;
  /** Bins a feature, 2 to 255, missing values not counted. */
  readonly maxBins?: number;
  /** The share of features that each tree is offered, in (0, 1], at least one. */
  readonly featureFraction?: number;
  /** The share of rows that each round is shown, in (0, 1], at least one. */
  readonly rowFraction?: number;
  /**
   * With validation rows: stop when so many rounds did not lower the loss there, and keep the best. Without validation
   * rows or when 0, all rounds are run and kept.
   */
  readonly earlyStoppingRounds?: number;
}

const TREES_DEFAULTS: Required<TreesOptions> = {
  rounds: 100,
  learningRate: 0.1,
  maxLeaves: 31,
  maxDepth: 0,
  minLeafRows: 20,
  minLeafHessian: 1e-3,
  lambda: 0,
  minGain: 0,
  maxBins: 255,
  featureFraction: 1,
  rowFraction: 1,
  earlyStoppingRounds: 0,
};

/**
 * Trains gradient-boosted trees on histograms, leaf by leaf.
 *
 * The same data, options and seed give the same model, to the last bit. No rows give a model that predicts 0 or equal
 * chances; labels that are all the same give one without trees: that value, or the priors in which an unseen class
 * counts as half a row. A feature that does not vary is never split on.
 *
 * @param classes required for multiclass
 * @param validation later rows, for early stopping only
 * @throws RangeError on options out of range, or data that {@link checkDataset} refuses
 */
export function fitTrees(
  task: Task,
  classes: number | undefined,
  options: TreesOptions,
  train: Dataset,
  validation: Dataset | undefined,
  seed: number,
): TreesModel {
  const settings = checkedOptions(options);
  const columns = columnsOf(task, classes);
  checkDataset(train, task, columns);
  if (validation) checkDataset(validation, task, columns);
  if (validation && validation.width !== train.width) {
    throw new RangeError(`Validation rows have ${validation.width} features, training rows ${train.width}`);
  }
  const objective = objectiveOf(task, train.labels, columns);
  const watch =
    validation && validation.rows > 0 && settings.earlyStoppingRounds > 0
      ? new EarlyStopping(task, objective, validation, settings.earlyStoppingRounds)
      : undefined;
  const trees = boost(objective, settings, train, watch, mulberry32(seed));
  return { kind: 'trees', task, classes: columns, width: train.width, base: [...objective.base], trees };
}

function boost(
  objective: Objective,
  settings: Required<TreesOptions>,
  train: Dataset,
  watch: EarlyStopping | undefined,
  random: () => number,
): Tree[] {
  const { outputs } = objective;
  const outputsLearnt = Array.from({ length: outputs }, (_, k) => k).filter((k) => objective.learns(k));
  if (train.rows === 0 || outputsLearnt.length === 0) return [];
  const { rows } = train;
  const grower = new TreeGrower(binFeatures(train, settings.maxBins), settings satisfies GrowthLimits);
  const scores = objective.base.map((base) => new Float64Array(rows).fill(base));
  const gradients = new Float64Array(rows);
  const hessians = new Float64Array(rows);
  const bag = new RowBag(rows, settings.rowFraction, random);
  const everyFeature = Int32Array.from({ length: train.width }, (_, f) => f);
  const drawnFeatures = new Int32Array(Math.max(1, Math.round(train.width * settings.featureFraction)));
  const samples = settings.rowFraction < 1 || settings.featureFraction < 1;
  const trees: Tree[] = [];
  for (let round = 0; round < settings.rounds; round++) {
    objective.beginRound(scores);
    bag.draw();
    let grown = 0;
    for (const output of outputsLearnt) {
      objective.gradients(output, scores, gradients, hessians);
      if (settings.featureFraction < 1) drawAscending(drawnFeatures, train.width, drawnFeatures.length, random);
      const features = settings.featureFraction < 1 ? drawnFeatures : everyFeature;
      const rowCount = bag.fill(grower.order);
      if (grower.grow(rowCount, gradients, hessians, features, settings.learningRate) === 1) continue;
      grown++;
      const score = scores[output]!;
      grower.addToScores(score);
      for (const row of bag.left()) score[row]! += grower.value[grower.leafOf(row)]!;
      const tree = grower.toTree(output);
      trees.push(tree);
      watch?.add(tree);
    }
    // A round that finds nothing to split finds nothing the next time either, unless it draws other rows or features.
    if (grown === 0 && !samples) break;
    if (watch?.endRound(trees.length)) break;
  }
  if (watch) trees.length = watch.bestTrees;
  return trees;
}

/** The rows of a round, and those it does without. */
class RowBag {
  private readonly drawn: Int32Array;
  private readonly others: Int32Array;

  constructor(
    private readonly rows: number,
    fraction: number,
    private readonly random: () => number,
  ) {
    const size = fraction < 1 ? Math.max(1, Math.round(rows * fraction)) : rows;
    this.drawn = Int32Array.from({ length: size }, (_, row) => row);
    this.others = new Int32Array(rows - size);
  }

  draw(): void {
    if (this.others.length === 0) return;
    drawAscending(this.drawn, this.rows, this.drawn.length, this.random);
    for (let row = 0, next = 0, other = 0; row < this.rows; row++) {
      if (this.drawn[next] === row) next++;
      else this.others[other++] = row;
    }
  }

  fill(order: Int32Array): number {
    order.set(this.drawn);
    return this.drawn.length;
  }

  left(): Int32Array {
    return this.others;
  }
}

/** Follows the loss on validation rows, round by round, and knows how many trees were best. */
class EarlyStopping {
  bestTrees = 0;
  private bestLoss: number;
  private roundsSince = 0;
  private readonly scores: Float64Array;

  constructor(
    private readonly task: Task,
    private readonly objective: Objective,
    private readonly validation: Dataset,
    private readonly patience: number,
  ) {
    const { base, outputs } = objective;
    this.scores = Float64Array.from({ length: validation.rows * outputs }, (_, i) => base[i % outputs]!);
    this.bestLoss = this.loss();
  }

  add(tree: Tree): void {
    const { features, rows, width } = this.validation;
    addTree(tree, features, rows, width, this.scores, this.objective.outputs);
  }

  /** @returns whether to stop */
  endRound(trees: number): boolean {
    const loss = this.loss();
    if (loss < this.bestLoss) {
      this.bestLoss = loss;
      this.bestTrees = trees;
      this.roundsSince = 0;
      return false;
    }
    return ++this.roundsSince >= this.patience;
  }

  private loss(): number {
    const { rows, labels } = this.validation;
    return meanLossOf(this.task, linkInPlace(this.task, this.scores.slice(), rows), labels);
  }
}

function checkedOptions(options: TreesOptions): Required<TreesOptions> {
  const o = { ...TREES_DEFAULTS, ...options };
  const whole = (name: keyof TreesOptions, min: number, max: number): void => {
    if (!Number.isInteger(o[name]) || o[name] < min || o[name] > max) {
      throw new RangeError(`${name} is a whole number from ${min} to ${max}, got ${o[name]}`);
    }
  };
  const share = (name: keyof TreesOptions): void => {
    if (!(o[name] > 0 && o[name] <= 1)) throw new RangeError(`${name} is in (0, 1], got ${o[name]}`);
  };
  const atLeastZero = (name: keyof TreesOptions): void => {
    if (!(o[name] >= 0 && o[name] < Infinity)) throw new RangeError(`${name} is at least 0, got ${o[name]}`);
  };
  whole('rounds', 0, 100_000);
  whole('maxLeaves', 2, 65_536);
  whole('maxDepth', 0, 65_536);
  whole('minLeafRows', 1, Number.MAX_SAFE_INTEGER);
  whole('maxBins', 2, 255);
  whole('earlyStoppingRounds', 0, 100_000);
  for (const name of ['learningRate', 'featureFraction', 'rowFraction'] as const) share(name);
  for (const name of ['minLeafHessian', 'lambda', 'minGain'] as const) atLeastZero(name);
  return o;
}

import { GyreError } from '@gyre/contracts';
import { explainLinear, ShapleyPlan, TreeExplainer, type Background, type Explanation } from '@gyre/learning';
import { decodeOnnx, OnnxModel, type TensorInfo, type TensorValue } from '@gyre/model-runtime';
import { joinedRows, rowsOf } from './tensor-request.js';
import { readableModel, type ReadableModel } from './readable-model.js';

/** How contributions were found. */
export type ExplainMethod =
  'tree-path-dependent' | 'tree-interventional' | 'linear' | 'constant' | 'exact' | 'permutation';

/** Rows of a model's own inputs, in their order. */
export interface TensorRows {
  readonly rows: number;
  readonly values: readonly TensorValue[];
}

export interface ExplainTask {
  readonly rows: TensorRows;
  /** Rows that say what is usual; null: the model's own training rows, as far as its file tells of them. */
  readonly background: TensorRows | null;
  /** Orders of the permutation method, and their seed. */
  readonly orders: number;
  readonly seed: number;
  /** Rows that the model may be asked to score; of trees with a background, rows times background rows times trees. */
  readonly evaluationsMax: number;
  /** UTC milliseconds. */
  readonly deadlineAt: number;
}

/** Of each row and output, `base` plus its contributions is its score. */
export interface ExplainResult {
  readonly method: ExplainMethod;
  /** What the scores are: log-odds of class 1, a score of each class before the softmax, probabilities, or the model's own value. */
  readonly space: 'log-odds' | 'score' | 'probability' | 'value';
  /** Float64 of shape [rows, outputs]. */
  readonly base: Float64Array;
  /** Float64 of shape [rows, outputs, cells]. */
  readonly contributions: Float64Array;
  /** The model's own answer, of shape [rows, answers]. */
  readonly prediction: Float64Array;
  /** Rows that were scored for it, or compared, tree by tree. */
  readonly evaluations: number;
  /** What the file says of itself. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A file that explanations are made of. Computes and nothing else: for a thread. */
export class ExplainableModel {
  private readonly onnx: OnnxModel;
  private readonly readable: ReadableModel | null;

  /** @throws GyreError MODEL_INVALID */
  constructor(bytes: Uint8Array) {
    this.onnx = OnnxModel.load(bytes);
    this.readable = this.onnx.width === undefined ? null : readableModel(decodeOnnx(bytes), this.onnx.width);
  }

  dispose(): void {
    this.onnx.dispose();
  }

  /** @throws GyreError NOT_EXPLAINABLE, BACKGROUND_MISSING, EXPLANATION_TOO_LARGE, DEADLINE_EXCEEDED, FEATURES_MISMATCHED */
  explain(task: ExplainTask): ExplainResult {
    const { sizedBy } = this.onnx;
    if (sizedBy !== null)
      throw new GyreError(
        'NOT_EXPLAINABLE',
        `how much the model does may be for its inputs to say, by the operator ${sizedBy}; it is asked for predictions only`,
      );
    const { rows } = task;
    const prediction = this.scores(rows);
    const { metadata, width } = this.onnx;
    const found = width === undefined ? null : this.byStructure(task, width);
    if (found !== null) return { evaluations: rows.rows, ...found, prediction, metadata };
    return { ...this.byCoalitions(task), prediction, metadata };
  }

  /** Exactly, where the graph can be read; null where it cannot, or where there is nothing to measure by. */
  private byStructure(
    task: ExplainTask,
    width: number,
  ): (Pick<ExplainResult, 'method' | 'space' | 'base' | 'contributions'> & { evaluations?: number }) | null {
    const { readable } = this;
    const { background, evaluationsMax, deadlineAt } = task;
    const { rows, values } = task.rows;
    const features = values[0]?.data as Float32Array;
    if (readable === null) return null;
    if (readable.kind === 'constant') {
      const base = this.scores({ rows, values });
      const contributions = new Float64Array(base.length * width);
      return { method: 'constant', space: this.ownSpace(), base, contributions };
    }
    const { link } = readable;
    const space = link === 'sigmoid' ? 'log-odds' : link === 'softmax' ? 'score' : 'value';
    const usual: Background | null =
      background === null ? null : { features: background.values[0]?.data as Float32Array, rows: background.rows };
    let explained: Explanation;
    let method: ExplainMethod;
    let evaluations = rows;
    if (readable.kind === 'linear') {
      method = 'linear';
      explained = explainLinear(readable.model, features, rows, usual ?? undefined);
    } else if (usual !== null) {
      method = 'tree-interventional';
      const { model } = readable;
      evaluations = rows * usual.rows * model.trees.length;
      if (evaluations > evaluationsMax) {
        throw new GyreError(
          'EXPLANATION_TOO_LARGE',
          `${rows} rows, ${usual.rows} background rows and ${model.trees.length} trees mean ${evaluations} comparisons; at most ${evaluationsMax} are made: ask for fewer rows or background rows`,
        );
      }
      explained = rowByRow(TreeExplainer.interventional(model, usual), features, rows, deadlineAt);
    } else if (readable.covers !== null) {
      method = 'tree-path-dependent';
      explained = rowByRow(TreeExplainer.pathDependent(readable.model, readable.covers), features, rows, deadlineAt);
    } else return null;
    const base = Float64Array.from({ length: rows * explained.expected.length }, (_, i) => {
      return explained.expected[i % explained.expected.length] as number;
    });
    return { method, space, base, contributions: explained.contributions, evaluations };
  }

  /** By scoring rows in which some cells are the row's and the others a background row's: for any model. */
  private byCoalitions(
    task: ExplainTask,
  ): Pick<ExplainResult, 'method' | 'space' | 'base' | 'contributions' | 'evaluations'> {
    const { rows, background, orders, seed, evaluationsMax, deadlineAt } = task;
    if (background === null) {
      throw new GyreError(
        'BACKGROUND_MISSING',
        'this model is explained by comparing with usual rows, and none are known yet; bring some as the input "background"',
      );
    }
    const widths = rows.values.map(({ data }) => data.length / rows.rows);
    const cells = widths.reduce((sum, width) => sum + width, 0);
    const cost = { exact: 2 ** cells * background.rows, permutation: orders * (cells + 1) * background.rows };
    const method = cells <= EXACT_CELLS_MAX && cost.exact * rows.rows <= evaluationsMax ? 'exact' : 'permutation';
    const evaluations = cost[method] * rows.rows;
    if (evaluations > evaluationsMax) {
      throw new GyreError(
        'EXPLANATION_TOO_LARGE',
        `${rows.rows} rows of ${cells} values, ${background.rows} background rows and ${orders} orders mean scoring ${evaluations} rows; at most ${evaluationsMax} are: ask for fewer rows, background_rows or orders`,
      );
    }
    // Which row a cell is taken from: 0 is the row itself, b + 1 the background's row b.
    const places = Float64Array.from({ length: background.rows * cells }, (_, i) => Math.floor(i / cells) + 1);
    const plan = new ShapleyPlan(
      new Float64Array(cells),
      { features: places, rows: background.rows },
      { method, orders, seed },
    );
    const parts: Explanation[] = [];
    let outputs = 0;
    for (let row = 0; row < rows.rows; row++) {
      const all = joinedRows([rowsOf(rows.values, rows.rows, row, 1), background.values]);
      const scores: Float64Array[] = [];
      for (let from = 0; from < plan.count; from += CHUNK_ROWS) {
        refuseLate(deadlineAt);
        const to = Math.min(plan.count, from + CHUNK_ROWS);
        scores.push(this.scores(mixed(all, widths, plan.inputs.subarray(from * cells, to * cells), to - from)));
      }
      const every = Float64Array.from(scores.flatMap((part) => [...part]));
      outputs = every.length / plan.count;
      try {
        parts.push(plan.explain(every, outputs));
      } catch (error) {
        throw new GyreError('NOT_EXPLAINABLE', `the model's scores cannot be explained: ${(error as Error).message}`);
      }
    }
    const base = Float64Array.from(parts.flatMap(({ expected }) => [...expected]));
    const contributions = Float64Array.from(parts.flatMap((part) => [...part.contributions]));
    return { method, space: this.ownSpace(), base, contributions, evaluations };
  }

  private ownSpace(): 'probability' | 'value' {
    const { onnx } = this;
    const task = onnx.metadata['gyre.task'];
    return onnx.classes.length > 0 || (task !== undefined && task !== 'regression') ? 'probability' : 'value';
  }

  /** Of shape [rows, outputs]. */
  private scores({ rows, values }: TensorRows): Float64Array {
    const { scoreName, inputs } = this.onnx;
    if (scoreName === undefined)
      throw new GyreError('NOT_EXPLAINABLE', 'the model has no output of floating numbers that could be explained');
    const named = Object.fromEntries(inputs.map(({ name }: TensorInfo, i) => [name, values[i] as TensorValue]));
    const { data } = this.onnx.call(named, [scoreName])[scoreName] as TensorValue;
    if (data.length % rows !== 0)
      throw new GyreError('NOT_EXPLAINABLE', `output "${scoreName}" has ${data.length} values for ${rows} rows`);
    return Float64Array.from(data as ArrayLike<number>);
  }
}

function refuseLate(deadlineAt: number): void {
  if (Date.now() > deadlineAt)
    throw new GyreError('DEADLINE_EXCEEDED', 'the explanation took longer than its caller waits');
}

/** Nobody waits for rows whose caller has gone. */
function rowByRow(explainer: TreeExplainer, features: Float32Array, rows: number, deadlineAt: number): Explanation {
  const width = features.length / rows;
  const parts = Array.from({ length: rows }, (_, row) => {
    refuseLate(deadlineAt);
    return explainer.explain(features.subarray(row * width, (row + 1) * width), 1).contributions;
  });
  return { expected: explainer.expected, contributions: Float64Array.from(parts.flatMap((part) => [...part])) };
}

/** Beyond, orders are the cheaper way to the same numbers. */
const EXACT_CELLS_MAX = 10;
const CHUNK_ROWS = 1_024;

/** Rows put together cell by cell. @param places of shape [count, cells]: the row of `values` that each cell is taken from */
function mixed(
  values: readonly TensorValue[],
  widths: readonly number[],
  places: Float64Array,
  count: number,
): TensorRows {
  const cells = widths.reduce((sum, width) => sum + width, 0);
  let first = 0;
  const mixedValues = values.map(({ type, dims, data }, i): TensorValue => {
    const width = widths[i] as number;
    const part = new Array<unknown>(count * width);
    for (let row = 0; row < count; row++) {
      for (let f = 0; f < width; f++) {
        part[row * width + f] = data[(places[row * cells + first + f] as number) * width + f];
      }
    }
    first += width;
    return { type, dims: [count, ...dims.slice(1)], data: sameKind(data, part) };
  });
  return { rows: count, values: mixedValues };
}

function sameKind(like: TensorValue['data'], part: readonly unknown[]): TensorValue['data'] {
  if (Array.isArray(like)) return part as string[];
  return (like.constructor as unknown as { from(values: readonly unknown[]): Float32Array }).from(part);
}

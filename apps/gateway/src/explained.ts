import { GyreError, type Explained, type ModelInForce } from '@gyre/contracts';
import type { EntityFeatures } from './entity-features.js';
import type { ExplainResult, TensorRows } from './explaining.js';
import type { InferAnswer, Tensor } from './oip.js';
import type { TensorModel } from './tensor-request.js';

/** What was explained, before it is told. */
export interface Explainable {
  model: string;
  version: number;
  /** sha-256 of the version's file. */
  onnx: string;
  /** The spec that names its features; null for a model that is asked by its own tensors. */
  spec: ModelInForce | null;
  tensors: TensorModel | null;
  /** In the order of a row's values. */
  features: string[];
  classes: string[];
  rows: TensorRows;
  /** Of past predictions. */
  ids: readonly string[] | null;
  found: EntityFeatures | null;
  result: ExplainResult;
}

/** @throws GyreError NOT_EXPLAINABLE if the version took other features than are known now */
export function explainedAnswer(
  { model, version, features, classes, rows, ids, found, result }: Explainable,
  source: Explained['background']['source'],
  backgroundRows: number | null,
): Explained {
  const { method, space, base, contributions, prediction, evaluations, metadata } = result;
  const count = rows.rows;
  const outputs = base.length / count;
  const cells = contributions.length / base.length;
  // A version of before may have taken other features than the spec names now: its file knows.
  const names = namesIn(metadata['gyre.features']) ?? features;
  if (names.length !== cells)
    throw new GyreError(
      'NOT_EXPLAINABLE',
      `version ${version} of ${model} takes ${cells} values, and ${names.length} are named`,
    );
  const answers = prediction.length / count;
  return {
    model,
    version,
    method,
    space,
    evaluations,
    background: { source, rows: backgroundRows },
    features: [...names],
    outputs: outputNames(space, outputs, namesIn(metadata['gyre.classes']) ?? classes),
    rows: Array.from({ length: count }, (_, row) => ({
      prediction_id: ids?.[row] ?? null,
      ...(found === null ? {} : { feature_status: found.status, feature_age_ms: found.ageMs }),
      values: valuesOf(rows, row),
      base: [...base.subarray(row * outputs, (row + 1) * outputs)],
      contributions: Array.from({ length: outputs }, (_o, k) => {
        const from = (row * outputs + k) * cells;
        return [...contributions.subarray(from, from + cells)];
      }),
      scores: Array.from({ length: outputs }, (_o, k) => {
        const from = (row * outputs + k) * cells;
        return contributions
          .subarray(from, from + cells)
          .reduce((sum, part) => sum + part, base[row * outputs + k] as number);
      }),
      prediction: [...prediction.subarray(row * answers, (row + 1) * answers)],
    })),
  };
}

/** What the scores are of: the positive class, each class, or the value. */
function outputNames(space: ExplainResult['space'], outputs: number, classes: readonly string[]): string[] {
  if (space === 'log-odds') return [classes[1] ?? '1'];
  if (classes.length === outputs) return [...classes];
  return outputs === 1 ? ['value'] : Array.from({ length: outputs }, (_, k) => String(k));
}

function namesIn(json: string | undefined): string[] | null {
  return json === undefined ? null : (JSON.parse(json) as unknown[]).map(String);
}

/** The values of a row, input after input; null is missing. */
function valuesOf({ rows, values }: TensorRows, row: number): (number | string | null)[] {
  return values.flatMap(({ data }) => {
    const width = data.length / rows;
    return Array.from({ length: width }, (_, f) => {
      const value = data[row * width + f];
      if (typeof value === 'string') return value;
      const number = Number(value);
      return Number.isNaN(number) ? null : number;
    });
  });
}

/**
 * An explanation as tensors of the protocol: `contributions` FP64 [N, outputs, features], `base` and `scores` FP64 [N, outputs], `prediction` FP64
 * [N, answers], `values` BYTES [N, features]; all else as parameters, names as JSON.
 */
export function tensorsOf(explained: Explained, id: string): InferAnswer {
  const { model, version, method, space, evaluations, background, features, outputs, rows } = explained;
  const count = rows.length;
  const numbers = (name: string, shape: readonly number[], values: number[]): Tensor => {
    return { name, datatype: 'FP64', shape, values: Float64Array.from(values) };
  };
  return {
    model,
    version: String(version),
    id,
    parameters: {
      method,
      space,
      evaluations,
      background: background.source,
      ...(background.rows === null ? {} : { background_rows: background.rows }),
      features: JSON.stringify(features),
      outputs: JSON.stringify(outputs),
      ...(rows[0]?.prediction_id == null ? {} : { prediction_id: rows[0].prediction_id }),
      ...(rows[0]?.feature_status === undefined ? {} : { feature_status: rows[0].feature_status }),
    },
    outputs: [
      numbers(
        'contributions',
        [count, outputs.length, features.length],
        rows.flatMap((row) => row.contributions.flat()),
      ),
      numbers(
        'base',
        [count, outputs.length],
        rows.flatMap((row) => row.base),
      ),
      numbers(
        'scores',
        [count, outputs.length],
        rows.flatMap((row) => row.scores),
      ),
      numbers(
        'prediction',
        [count, rows[0]?.prediction.length ?? 0],
        rows.flatMap((row) => row.prediction),
      ),
      {
        name: 'values',
        datatype: 'BYTES',
        shape: [count, features.length],
        values: rows.flatMap((row) => row.values.map((value) => (value === null ? '' : String(value)))),
      },
    ],
  };
}

import type { ModelInForce } from '@gyre/contracts';
import { GyreError } from '@gyre/contracts/errors';
import type { Datatype, ModelMetadata } from '@gyre/gateway/protocol';
import { UsageError } from '../failures.js';

/** An input of the model, and the file's columns that hold it: one for each value of a row. */
export interface InputPlan {
  name: string;
  datatype: Datatype;
  columns: string[];
  /** Of a row; [] where the input is a list of rows. */
  rowShape: number[];
  /** Whether nothing stands for a missing value. */
  required: boolean;
}

export interface ColumnsWanted {
  /** Columns that name each row's entity and event time. */
  entity?: string | undefined;
  time?: string | undefined;
}

/**
 * Which columns of a file go where. A trained model's features are found by `view.field` or `field`; an imported model's inputs by their names, with `_0`, `_1`, …
 * or `[0]`, `[1]`, … after it where they are several values wide; and where one matrix is all that it takes, all columns in their order.
 *
 * @throws GyreError BAD_REQUEST for a column that is missing, FEATURES_MISMATCHED where the model takes what no table can hold; UsageError for columns
 * that an imported model has no use for
 */
export function planInputs(
  file: string,
  columns: readonly string[],
  spec: ModelInForce,
  metadata: ModelMetadata,
  wanted: ColumnsWanted,
): InputPlan[] {
  if (spec.imported === true) {
    if (wanted.entity !== undefined || wanted.time !== undefined)
      throw new UsageError(
        `${spec.name} was imported and looks up no features: leave out --entity-column and --time-column`,
      );
    return importedInputs(file, columns, metadata);
  }
  const named = (['entity', 'time'] as const).flatMap((name): InputPlan[] => {
    const column = wanted[name];
    if (column === undefined) return [];
    if (!columns.includes(column)) throw missing(file, [column], columns);
    return [{ name, datatype: 'BYTES', columns: [column], rowShape: [], required: true }];
  });
  const found = spec.inputs.map(({ view, field }) =>
    [`${view}.${field}`, field].find((name) => columns.includes(name)),
  );
  const lacking = spec.inputs.filter((_, i) => found[i] === undefined).map(({ view, field }) => `${view}.${field}`);
  if (lacking.length === 0) {
    const width = spec.inputs.length;
    const matrix = { name: 'features', datatype: 'FP32' as const, columns: found as string[], rowShape: [width] };
    return [{ ...matrix, required: false }, ...named];
  }
  if (wanted.entity === undefined)
    throw missing(file, lacking, columns, '; or name the column of entities with --entity-column');
  if (lacking.length < spec.inputs.length) throw missing(file, lacking, columns, ', or none of the features');
  return named;
}

function importedInputs(file: string, columns: readonly string[], { name: model, inputs }: ModelMetadata): InputPlan[] {
  return inputs.map(({ name, datatype, shape }): InputPlan => {
    const rowShape = shape.slice(1);
    const width = rowShape.reduce((size, dim) => size * dim, 1);
    const required = datatype !== 'FP32' && datatype !== 'FP64' && datatype !== 'FP16';
    const plan = { name, datatype, rowShape, required };
    if (shape.length === 0 || rowShape.some((size) => size < 0)) {
      throw new GyreError(
        'FEATURES_MISMATCHED',
        `input "${name}" of ${model} is ${datatype} [${shape.join(', ')}], which no table's row can hold`,
      );
    }
    if (width === 1 && columns.includes(name)) return { ...plan, columns: [name] };
    for (const numbered of [(i: number) => `${name}_${i}`, (i: number) => `${name}[${i}]`]) {
      const own = Array.from({ length: width }, (_, i) => numbered(i));
      if (own.every((column) => columns.includes(column))) return { ...plan, columns: own };
    }
    if (inputs.length === 1 && columns.length === width) return { ...plan, columns: [...columns] };
    const expected = width === 1 ? [name] : [`${name}_0`, '…', `${name}_${width - 1}`];
    throw missing(file, expected, columns, inputs.length === 1 ? `, or ${width} columns in all` : '');
  });
}

function missing(file: string, names: readonly string[], columns: readonly string[], or = ''): GyreError {
  return new GyreError(
    'BAD_REQUEST',
    `${file} has no ${names.length === 1 ? 'column' : 'columns'} ${names.join(', ')}; it has ${columns.join(', ')}. Expected a column for each value that the model takes${or}`,
  );
}

import {
  classesOf,
  GyreError,
  type FeaturesEvent,
  type FeatureViewSpec,
  type Field,
  type LabelEvent,
  type LabelRules,
  type LabelValue,
  type ModelInForce,
} from '@gyre/contracts';
import { instantMs } from '../arguments.js';

/** How the rows of a file become events. */
export interface RowRules {
  /** The file's name, for messages. */
  file: string;
  /** Its name without folder and endings, which event ids begin with. */
  base: string;
  columns: readonly string[];
  views: readonly FeatureViewSpec[];
  model: ModelInForce;
  /** Event time of row 0, UTC milliseconds, and from row to row. */
  start: number;
  intervalMs: number;
  /** The column that holds each row's time instead. */
  timeColumn: string | null;
}

/** A row as it is replayed. Rows count from 0. */
export interface ReplayRow {
  row: number;
  /** Event time, UTC milliseconds. */
  at: number;
  entity: string;
  /** One event for each view that the model reads. */
  features: FeaturesEvent[];
  /** As it is sent; null where the cell is empty: then no label is sent. */
  label: LabelValue | null;
  /** Class index in the model's order, or the real value; null where there is none. */
  truth: number | null;
}

interface ViewColumns {
  view: FeatureViewSpec;
  fields: { name: string; field: Field; column: number }[];
}

/**
 * Makes events of rows. A cell that is not of its field's type is sent as the text it is, for ingestion to refuse with its reason: a replay
 * loses no row.
 */
export class RowReader {
  private readonly views: ViewColumns[];
  private readonly entityColumn: number | null;
  private readonly labelColumn: number;
  private readonly timeColumn: number | null;
  private readonly labels: ReadonlyMap<string, { label: LabelValue; truth: number }>;
  private latest = -Infinity;

  /** @throws GyreError BAD_REQUEST if the file lacks a column that the model needs */
  constructor(private readonly rules: RowRules) {
    const { model, timeColumn } = rules;
    const used = rules.views.filter((view) => model.inputs.some((input) => input.view === view.name));
    this.views = used.map((view) => ({ view, fields: this.fieldsOf(view) }));
    this.entityColumn = this.entityOf(used);
    this.labelColumn = this.column(model.label.name, `the label of model ${model.name}`);
    this.timeColumn = timeColumn === null ? null : this.column(timeColumn, '--time');
    this.labels = new Map(classesOf(model.label).map((label, truth) => [String(label), { label, truth }]));
  }

  /** @throws GyreError BAD_REQUEST with row and column, where the row's time or entity cannot be told */
  read(row: number, cells: readonly string[]): ReplayRow {
    const at = this.timeOf(row, cells);
    const entity = this.entityColumn === null ? `row-${row}` : (cells[this.entityColumn] ?? '');
    if (entity === '') throw this.wrong(row, this.entityColumn ?? 0, 'is empty, but names the entity');
    const time = new Date(at).toISOString();
    const features = this.views.map(({ view, fields }): FeaturesEvent => {
      const values: Record<string, unknown> = {};
      for (const { name, field, column } of fields) values[name] = valueOf(field, cells[column] ?? '');
      const id = this.views.length === 1 ? `${this.rules.base}-f-${row}` : `${this.rules.base}-f-${row}-${view.name}`;
      return { id, type: 'features', view: view.name, entity, time, values };
    });
    return { row, at, entity, features, ...this.labelOf(cells[this.labelColumn] ?? '') };
  }

  /** @param at when the label became known, UTC milliseconds */
  labelEvent(row: number, prediction: string, label: LabelValue, at: number): LabelEvent {
    const { base, model } = this.rules;
    return {
      id: `${base}-l-${row}`,
      type: 'label',
      model: model.name,
      prediction,
      value: label,
      time: new Date(at).toISOString(),
    };
  }

  /**
   * A platform refuses what is stamped ahead of its arrival, and so would every row be.
   * @throws GyreError BAD_REQUEST naming the row, for an event time after `latest`, UTC milliseconds
   */
  refuseAfter(latest: number, row: number, at: number): void {
    if (at <= latest) return;
    const time = new Date(at).toISOString();
    if (this.timeColumn !== null)
      throw this.wrong(row, this.timeColumn, `is ${time}, which is in the future; events from the future are refused`);
    throw new GyreError(
      'BAD_REQUEST',
      `row ${row} (counted from 0) would happen at ${time}, which is in the future, where events are refused; give an earlier --start or a shorter --interval`,
    );
  }

  private labelOf(cell: string): { label: LabelValue | null; truth: number | null } {
    // A class may have blanks of its own.
    const asItStands = this.labels.get(cell);
    if (asItStands !== undefined) return asItStands;
    const text = cell.trim();
    if (text === '') return { label: null, truth: null };
    const number = Number(text);
    if (this.rules.model.label.type === 'regression') {
      return Number.isFinite(number) ? { label: number, truth: number } : { label: cell, truth: null };
    }
    // 1.0 is class 1.
    return this.labels.get(text) ?? this.labels.get(String(number)) ?? { label: cell, truth: null };
  }

  /**
   * The event time of a row, UTC milliseconds; rows are asked for in their order.
   * @throws GyreError BAD_REQUEST with row and column, where it cannot be told
   */
  timeOf(row: number, cells: readonly string[]): number {
    const { start, intervalMs } = this.rules;
    if (this.timeColumn === null) return start + row * intervalMs;
    const text = (cells[this.timeColumn] ?? '').trim();
    const at = /^\d{10,}$/.test(text) ? (text.length < 12 ? 1_000 : 1) * Number(text) : instantMs(text);
    if (at === undefined) {
      throw this.wrong(
        row,
        this.timeColumn,
        `is "${text}"; a time is a date, a date and time with its zone such as 2026-11-22T14:05:00Z, or seconds or milliseconds since 1970`,
      );
    }
    if (at < this.latest)
      throw this.wrong(row, this.timeColumn, `is "${text}", before the row above; sort the file by time`);
    this.latest = at;
    return at;
  }

  /** Fields that the model reads must be there; others go along where they are. */
  private fieldsOf(view: FeatureViewSpec): ViewColumns['fields'] {
    const { columns, model } = this.rules;
    return Object.entries(view.fields).flatMap(([name, field]) => {
      const column = columns.indexOf(name);
      if (column >= 0) return [{ name, field, column }];
      const isRead = model.inputs.some((input) => input.view === view.name && input.field === name);
      if (isRead && !field.nullable) this.column(name, `a field of view ${view.name}`);
      return [];
    });
  }

  private entityOf(views: readonly FeatureViewSpec[]): number | null {
    const { columns } = this.rules;
    const names = [...new Set(views.map((view) => view.entity).filter((name) => columns.includes(name)))];
    if (names.length > 1) {
      throw new GyreError(
        'BAD_REQUEST',
        `the views that the model reads are keyed by ${names.join(' and ')}; a replay takes views of one entity`,
      );
    }
    return names[0] === undefined ? null : columns.indexOf(names[0]);
  }

  private column(name: string, what: string): number {
    const { file, columns } = this.rules;
    const column = columns.indexOf(name);
    if (column >= 0) return column;
    throw new GyreError(
      'BAD_REQUEST',
      `${file} has no column "${name}" (${what}); its columns are ${columns.join(', ')}`,
    );
  }

  private wrong(row: number, column: number, problem: string): GyreError {
    const { file, columns } = this.rules;
    return new GyreError(
      'BAD_REQUEST',
      `${file}: row ${row} (counted from 0), column "${columns[column] ?? ''}" ${problem}`,
    );
  }
}

function valueOf(field: Field, cell: string): unknown {
  if (field.type === 'string') return cell === '' && field.nullable ? null : cell;
  const text = cell.trim();
  // As a number it would be 0.
  if (text === '') return null;
  if (field.type === 'bool') {
    if (/^(true|1)$/i.test(text)) return true;
    return /^(false|0)$/i.test(text) ? false : cell;
  }
  const value = Number(text);
  return Number.isFinite(value) ? value : cell;
}

/** The task that a label asks for, and how many numbers an answer has. */
export function outputWidth(label: LabelRules): number {
  return label.type === 'regression' ? 1 : label.classes.length;
}

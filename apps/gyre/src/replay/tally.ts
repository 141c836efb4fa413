import type { LabelRules } from '@gyre/contracts';
import { metricsOf } from '@gyre/learning';
import type { Answer } from './journal.js';
import { outputWidth } from './rows.js';

/** Metrics by name; null where one is not defined for these rows. */
export type SummaryMetrics = Record<string, number | null>;

/** The rows that a version answered; rows count from 0. */
export interface VersionShare {
  /** null is the fallback. */
  version: number | null;
  predictions: number;
  firstRow: number;
  lastRow: number;
}

/** What the client saw: each row's answer beside its truth. */
export class Tally {
  private readonly width: number;
  private readonly outputs: number[] = [];
  private readonly truths: number[] = [];
  /** The row of each entry above. */
  private readonly judged: number[] = [];
  private readonly shares = new Map<number | null, VersionShare>();
  private rowCount = 0;
  private readonly refusals = new Map<string, number>();

  constructor(private readonly label: LabelRules) {
    this.width = outputWidth(label);
  }

  /** Takes the rows in order. @param truth null where the row has none: then it is counted, not measured */
  add(answer: Answer, truth: number | null): void {
    const row = this.rowCount;
    this.rowCount += 1;
    if ('refused' in answer) {
      this.refusals.set(answer.refused, (this.refusals.get(answer.refused) ?? 0) + 1);
      return;
    }
    const share = this.shares.get(answer.version);
    if (share === undefined)
      this.shares.set(answer.version, { version: answer.version, predictions: 1, firstRow: row, lastRow: row });
    else Object.assign(share, { predictions: share.predictions + 1, lastRow: row });
    if (truth === null) return;
    if (answer.output.length !== this.width)
      throw new RangeError(`row ${row}: ${answer.output.length} numbers were answered, the model has ${this.width}`);
    this.judged.push(row);
    this.truths.push(truth);
    for (const value of answer.output) this.outputs.push(value);
  }

  get rows(): number {
    return this.rowCount;
  }
  /** Requests that the gateway refused, which are rows without a prediction, by the code of the refusal. */
  get refused(): Record<string, number> {
    return Object.fromEntries([...this.refusals].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Over the answered and labelled rows from this one on. */
  metrics(fromRow: number): SummaryMetrics {
    let from = this.judged.findIndex((row) => row >= fromRow);
    if (from < 0) from = this.judged.length;
    const outputs = Float64Array.from(this.outputs.slice(from * this.width));
    const truths = Float64Array.from(this.truths.slice(from));
    const all = metricsOf(this.label.type, outputs, truths, this.width);
    if (this.label.type !== 'multiclass') return { ...all };
    return Object.fromEntries(Object.entries(all).filter(([name]) => name !== 'rocAuc' && name !== 'prAuc'));
  }

  /** The fallback first, then by version. */
  versions(): VersionShare[] {
    return [...this.shares.values()].sort((a, b) => (a.version ?? 0) - (b.version ?? 0));
  }
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { root } from './harness.js';

/** The real market stream: half-hours of the New South Wales electricity market. */
export const elec2 = {
  file: join(root, 'examples/data/elec2.csv.gz'),
  spec: join(root, 'examples/elec2.yaml'),
  model: 'price-direction',
  /** The features in the model's order. */
  features: ['period', 'nswprice', 'nswdemand', 'vicprice', 'vicdemand', 'transfer'],
  start: Date.UTC(1996, 4, 7),
  intervalMs: 30 * 60_000,
  get flags(): string[] {
    return ['--start', new Date(this.start).toISOString(), '--interval', '30m'];
  },
  /** Header and the first rows, as cells. */
  cells(rows: number): string[][] {
    const text = gunzipSync(readFileSync(this.file)).toString('utf8');
    return text.split('\n', rows + 1).map((line) => line.trim().split(','));
  },
};

/** What a replay ends with. */
export interface Summary {
  rows: number;
  seconds: number;
  step: number;
  metrics: Record<'whole' | 'afterFirst10Percent', Record<string, number | null>>;
  versions: { version: number | null; predictions: number; firstRow: number; lastRow: number }[];
  drift: { row: number | null; kind: string }[];
  runs: number;
  promotions: number;
  rollbacks: number;
  declines: Record<string, number>;
  refusals: Record<string, number>;
  failures: Record<string, number>;
  reconciliation: Record<string, number | boolean | object | null>;
}

/** The one JSON object on standard output. @throws SyntaxError if there is anything else */
export function summaryOf(stdout: string): Summary {
  return JSON.parse(stdout) as Summary;
}

/** Without what the clock says. */
export function repeatable({ seconds: _, ...rest }: Summary): Omit<Summary, 'seconds'> {
  return rest;
}

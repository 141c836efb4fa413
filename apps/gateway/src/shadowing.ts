import type { Scored } from '@gyre/contracts';
import { scoreBatch, type Batched, type Scores } from './batch.js';
import { rowOf } from './prediction.js';
import type { PredictionLog } from './prediction-log.js';
import type { ServedVersion } from './served-version.js';

/** A request whose answer has left, and the sequence in the prediction log of its first row. */
export interface ScoredLater extends Batched {
  sequence: number;
}

/** A batch that was answered, to be scored by the shadows. They are held in memory until then. */
interface Work {
  shadows: readonly ServedVersion[];
  requests: readonly ScoredLater[];
  rows: number;
}

export interface ShadowingOptions {
  log: Pick<PredictionLog, 'shadows'>;
  /** Rows that wait for their shadows; more are shed. */
  rowsMax: number;
  /** Rows that are scored at once. */
  batchRowsMax: number;
  /** Told of each batch: rows that were scored, and of those that should have been. */
  covered: (model: string, result: 'scored' | 'failed' | 'shed', rows: number) => void;
  failed: (error: Error, version: ServedVersion) => void;
}

/** A shadow that takes longer is given up for that batch, so that nothing waits for it for ever. */
const PATIENCE_MS = 1_000;

/**
 * Scores shadows when the answers have left: one batch a turn of the loop, so that requests come first. When there is too much to do, shadows are what is
 * left out, before any request is.
 */
export class Shadowing {
  private readonly waiting: Work[] = [];
  private rows = 0;
  private running = false;
  /** Shadows that have not answered a batch yet, whether it was given up or not: they are given no other, for it would stand before those that answer. */
  private readonly unanswered = new Set<ServedVersion>();

  constructor(private readonly options: ShadowingOptions) {}

  /** Whether there is room for so many rows. @param pressed whether requests are about to be turned away */
  hasRoom(rows: number, pressed: boolean): boolean {
    return !pressed && this.rows + rows <= this.options.rowsMax;
  }

  /** Takes a batch that was answered; its rows in the log await this. */
  later(shadows: readonly ServedVersion[], requests: readonly ScoredLater[]): void {
    const rows = requests.reduce((sum, { asked }) => sum + asked.rows, 0);
    for (const shadow of shadows) shadow.hold();
    this.waiting.push({ shadows, requests, rows });
    this.rows += rows;
    if (!this.running) this.nextTurn();
  }

  private nextTurn(): void {
    this.running = true;
    setImmediate(() => {
      const work = this.waiting.shift();
      if (work === undefined) this.running = false;
      else this.begin(work);
    });
  }

  private begin(work: Work): void {
    const scores = work.shadows.map((shadow) => this.score(shadow, work));
    if (!scores.some((one) => one instanceof Promise)) return this.end(work, scores as (Scores | null)[]);
    void Promise.all(scores).then((found) => this.end(work, found));
  }

  private score(shadow: ServedVersion, { requests }: Work): Scores | null | Promise<Scores | null> {
    if (this.unanswered.has(shadow)) return null;
    const { batchRowsMax, failed } = this.options;
    const found = scoreBatch(shadow, requests, batchRowsMax, failed);
    if (!(found instanceof Promise)) return found;
    this.unanswered.add(shadow);
    void found.then(() => this.unanswered.delete(shadow));
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<null>((resolve) => (timer = setTimeout(resolve, PATIENCE_MS, null)));
    return Promise.race([found, patience]).finally(() => clearTimeout(timer));
  }

  private end({ shadows, requests, rows }: Work, scores: readonly (Scores | null)[]): void {
    const lines: { sequence: number; shadows: Scored[] }[] = [];
    let row = 0;
    for (const { asked, sequence } of requests) {
      for (let i = 0; i < asked.rows; i++, row++) {
        lines.push({
          sequence: sequence + i,
          shadows: shadows.flatMap((shadow, s) => scored(shadow, scores[s] ?? null, row)),
        });
      }
    }
    this.options.log.shadows(lines);
    for (const shadow of shadows) {
      const covered = lines.filter(({ shadows: found }) =>
        found.some(({ version }) => version === shadow.version),
      ).length;
      this.options.covered(shadow.spec.name, 'scored', covered);
      if (covered < rows) this.options.covered(shadow.spec.name, 'failed', rows - covered);
      shadow.release();
    }
    this.rows -= rows;
    this.nextTurn();
  }
}

function scored({ version }: ServedVersion, scores: Scores | null, row: number): Scored[] {
  if (scores === null) return [];
  const output = rowOf(scores.output, scores.rows, row);
  return output.every(Number.isFinite) ? [{ version, output }] : [];
}

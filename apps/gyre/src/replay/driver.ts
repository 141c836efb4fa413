import { setImmediate, setTimeout as pause } from 'node:timers/promises';
import {
  DEAD_LETTERS_LISTED_MAX,
  type FeatureViewSpec,
  type LabelValue,
  type ModelInForce,
  type TimelineEntry,
} from '@gyre/contracts';
import { ApiClient, eventLines } from '../api-client.js';
import { CallFailed } from '../failures.js';
import { newestFirst } from '../timeline-pages.js';
import { csvRows } from './csv.js';
import { InferenceClient } from './inference-client.js';
import { Journal, readJournal, type Answer, type Fingerprint } from './journal.js';
import { reconcile } from './reconciliation.js';
import { RowReader, type ReplayRow } from './rows.js';
import { summarise, type ReplaySummary } from './summary.js';
import { Tally } from './tally.js';
import { firstWave, waves } from './waves.js';

/** A replay as prepared: its input is checked, its directory holds the journal's first line. Plain data, for it goes to a thread. */
export interface PreparedReplay {
  /** Where the journal lies. */
  directory: string;
  file: string;
  base: string;
  columns: string[];
  specFile: string;
  specText: string;
  views: FeatureViewSpec[];
  model: ModelInForce;
  fingerprint: Fingerprint;
}

export interface Progress {
  rowsDone: number;
  champion: number | null;
  /** The newest decision: its type and the row's moment. */
  decision: string | null;
}

/** A row whose label has not been sent yet. */
interface Unlabelled {
  prediction: string;
  label: LabelValue;
}

const STATUS_EVERY_MS = 1_000;
const PATIENCE_MS = 60_000;

interface Step {
  step: number;
  rows: ReplayRow[];
  /** The features of its first wave, as they are sent. */
  features: string;
}

/**
 * Takes a file round the circle, step by step, over HTTP and gRPC only. A step: its features, and wait; its predictions; when these have had their
 * effects, the labels whose delay is over, and wait; a tick, and wait. The next step's features go along with the labels: no decision reads
 * features without predictions. So aliases change only between steps, and the replay repeats exactly.
 */
export class ReplayDriver {
  private readonly api: ApiClient;
  private readonly inference: InferenceClient;
  private readonly reader: RowReader;
  private readonly tally: Tally;
  private readonly unlabelled = new Map<number, Unlabelled>();
  private status: Omit<Progress, 'rowsDone'> = { champion: null, decision: null };
  private statusAt = -Infinity;
  private began = performance.now();

  /** @param signal ends the replay where it is; it can go on later */
  constructor(
    private readonly replay: PreparedReplay,
    at: { httpUrl: string; grpcAddress: string },
    private readonly signal: AbortSignal,
    private readonly report: (progress: Progress) => void,
  ) {
    const { fingerprint } = replay;
    this.api = new ApiClient({ url: at.httpUrl, signal });
    this.inference = new InferenceClient(at.grpcAddress, replay.model.name, signal);
    this.reader = new RowReader({
      ...replay,
      start: fingerprint.start,
      intervalMs: fingerprint.intervalMs,
      timeColumn: fingerprint.timeColumn,
    });
    this.tally = new Tally(replay.model.label);
  }

  /** Begins, or goes on after the last finished phase in the journal. */
  async run(): Promise<ReplaySummary> {
    const { directory, specText, specFile, fingerprint } = this.replay;
    const past = await readJournal(directory);
    if (past === undefined) throw new RangeError(`no replay was prepared in ${directory}`);
    const journal = new Journal(directory, past);
    this.began -= past.seconds * 1_000;
    try {
      await this.api.applySpecs(specText, specFile);
      await this.api.settle();
      await this.ready();
      let sent = false;
      for await (const [{ step, rows, features }, next] of withNext(this.steps())) {
        const answers = past.answers.slice(rows[0]?.row, (rows.at(-1)?.row ?? 0) + 1);
        const isPast = step < past.stepsDone;
        if (!isPast) await this.step({ step, rows, features }, answers, sent, journal);
        this.take(rows, answers);
        if (isPast) {
          this.forget(rows);
          continue;
        }
        await this.label(rows, next?.features ?? '');
        sent = true;
        journal.done(step, this.seconds());
        await this.tell(rows);
      }
      return await this.summary(fingerprint);
    } finally {
      journal.close();
      this.inference.close();
    }
  }

  /**
   * Asks for what is not answered yet, or may not have had all its effects.
   * @param answers of the step's first rows, completed here
   * @param sent whether the first wave's features have been sent
   */
  private async step(
    { step, rows, features }: Step,
    answers: Answer[],
    sent: boolean,
    journal: Journal,
  ): Promise<void> {
    let from = 0;
    for (const wave of waves(rows)) {
      const isFirst = from === 0;
      const again = from < answers.length;
      from += wave.length;
      // Shadows are scored after the answers, and a kill in between loses their scores: the newest rows are asked for again, for their sake.
      if (from < answers.length) continue;
      if (!again && !(isFirst && sent)) await this.send(isFirst ? features : featureLines(wave));
      const answered = await this.inference.inferAll(
        wave.map(({ row, entity, at }) => ({ id: `row-${row}`, entity, at })),
      );
      this.signal.throwIfAborted();
      if (again) continue;
      journal.answers(wave[0]?.row ?? 0, answered);
      answers.push(...answered);
    }
    if (answers.length !== rows.length)
      throw new RangeError(`step ${step} has ${rows.length} rows and ${answers.length} answers`);
  }

  private take(rows: readonly ReplayRow[], answers: readonly Answer[]): void {
    rows.forEach(({ row, label, truth }, i) => {
      const answer = answers[i] as Answer;
      this.tally.add(answer, truth);
      if (label !== null && 'id' in answer) this.unlabelled.set(row, { prediction: answer.id, label });
    });
  }

  /**
   * Sends the labels whose delay is over: that of a row becomes known `labelDelay` rows later. Then says what time it is.
   * @param ahead lines of the next step's events
   */
  private async label(rows: readonly ReplayRow[], ahead: string): Promise<void> {
    const due = rows.flatMap(({ row, at }) => {
      const labelled = row - this.replay.fingerprint.labelDelay;
      const known = this.unlabelled.get(labelled);
      return known === undefined ? [] : [this.reader.labelEvent(labelled, known.prediction, known.label, at)];
    });
    await this.send(eventLines(due) + ahead, rows.at(-1)?.at ?? 0);
    this.forget(rows);
  }

  /** Their labels, or those of the rows so much earlier, have been sent. */
  private forget(rows: readonly ReplayRow[]): void {
    for (const { row } of rows) this.unlabelled.delete(row - this.replay.fingerprint.labelDelay);
  }

  private async *steps(): AsyncGenerator<Step> {
    const { file, fingerprint } = this.replay;
    let rows: ReplayRow[] = [];
    let row = 0;
    for await (const cells of csvRows(file)) {
      rows.push(this.reader.read(row, cells));
      row += 1;
      if (row % fingerprint.step === 0 || row === fingerprint.rows) {
        yield { step: Math.ceil(row / fingerprint.step) - 1, rows, features: featureLines(firstWave(rows)) };
        rows = [];
      }
      if (row === fingerprint.rows) return;
    }
  }

  /** In one request, and again where ingestion asks for patience; waits for all effects. */
  private async send(lines: string, tick?: number): Promise<void> {
    for (let waitedMs = 0, waitMs = 5; ; waitedMs += waitMs, waitMs *= 2) {
      try {
        await this.api.settleEvents(lines, tick);
        return;
      } catch (error) {
        const busy = error instanceof CallFailed && (error.status === 429 || error.status === 503);
        if (!busy || waitedMs > PATIENCE_MS) throw error;
        await pause(waitMs, undefined, { signal: this.signal });
      }
    }
  }

  private async ready(): Promise<void> {
    for (let waitedMs = 0; ; waitedMs += 20) {
      const { missing } = await this.api.ready();
      if (Object.keys(missing).length === 0) return;
      if (waitedMs > PATIENCE_MS) throw new Error(`the platform does not become ready: ${JSON.stringify(missing)}`);
      await pause(20, undefined, { signal: this.signal });
    }
  }

  private async tell(rows: readonly ReplayRow[]): Promise<void> {
    const now = performance.now();
    if (now - this.statusAt >= STATUS_EVERY_MS) {
      this.statusAt = now;
      const { champion, latest } = await this.api.model(this.replay.model.name);
      this.status = { champion, decision: latest === null ? null : latest.reason };
    }
    this.report({ rowsDone: (rows.at(-1)?.row ?? 0) + 1, ...this.status });
  }

  private async summary({ step }: Fingerprint): Promise<ReplaySummary> {
    const { name } = this.replay.model;
    const seconds = this.seconds();
    const timeline: TimelineEntry[] = [];
    for await (const entry of newestFirst(this.api, name)) timeline.push(entry);
    const [labels, deadLetters] = await Promise.all([
      this.api.labels(name),
      this.api.deadLetters(DEAD_LETTERS_LISTED_MAX),
    ]);
    const { rows: sent, refused: unpredicted } = this.tally;
    const reconciliation = reconcile({ base: this.replay.base, sent, unpredicted, labels, deadLetters });
    return summarise({ seconds, step }, this.tally, timeline, reconciliation);
  }

  private seconds(): number {
    return (performance.now() - this.began) / 1_000;
  }
}

function featureLines(rows: readonly ReplayRow[]): string {
  return eventLines(rows.flatMap((row) => row.features));
}

/** Each item with the one after it, undefined after the last. What comes then is made while the caller waits for others. */
async function* withNext<T>(items: AsyncGenerator<T>): AsyncGenerator<[T, T | undefined]> {
  const later = async (): Promise<IteratorResult<T>> => {
    await setImmediate();
    return items.next();
  };
  try {
    let now = await items.next();
    let next = later();
    while (now.done !== true) {
      const after = await next;
      next = later();
      // Whether anybody comes to it or not.
      next.catch(() => undefined);
      yield [now.value, after.done === true ? undefined : after.value];
      now = after;
    }
  } finally {
    await items.return(undefined);
  }
}

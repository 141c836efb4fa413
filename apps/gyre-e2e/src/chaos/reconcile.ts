import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { LabelCounts, Lifecycle, LifecycleOf, LifecycleType, Performance } from '@gyre/contracts';

/** One line of the table: of `expected` effects so many were found, `lost` of them not at all, and `doubled` of them more than once. */
export interface Account {
  effect: string;
  expected: number;
  found: number;
  lost: number;
  doubled: number;
}

/** Counts how often each expected key was seen. What was not expected counts as doubled. */
export function account(effect: string, expected: Iterable<string>, seen: Iterable<string>): Account {
  const times = new Map<string, number>();
  for (const key of expected) times.set(key, 0);
  const size = times.size;
  let doubled = 0;
  for (const key of seen) {
    const before = times.get(key);
    if (before === undefined || before > 0) doubled += 1;
    if (before !== undefined) times.set(key, before + 1);
  }
  const found = [...times.values()].filter((count) => count > 0).length;
  return { effect, expected: size, found, lost: size - found, doubled };
}

/** The same for numbers that are counted elsewhere. */
export function tallied(effect: string, expected: number, found: number): Account {
  return { effect, expected, found, lost: Math.max(0, expected - found), doubled: Math.max(0, found - expected) };
}

/** The counts of the detectors and of the windows, which stand on the same labels. */
export function labelAccounts(
  joined: number,
  labels: LabelCounts,
  performance: Performance,
  window: number,
): Account[] {
  const { counts, early } = labels;
  const wrong = counts.corrected + counts.late + counts.repeated + counts.expired + early;
  const starts = performance.windows.map(({ fromLabel }) => String(fromLabel));
  const expected = Array.from({ length: Math.floor(joined / window) }, (_, i) => String(i * window));
  return [
    tallied('labels joined, as the detectors count them', joined, counts.joined),
    tallied('labels counted otherwise (late, repeated, expired, early)', 0, wrong),
    account(`windows of ${window} labels`, expected, starts),
    tallied(
      'outcomes in full windows',
      expected.length * window,
      performance.windows.reduce((sum, { fromLabel, toLabel }) => sum + toLabel - fromLabel, 0),
    ),
  ];
}

/** Runs, versions and promotions: each once. */
export function lifecycleAccounts(decisions: readonly Lifecycle[]): Account[] {
  const of = <T extends LifecycleType>(type: T): LifecycleOf<T>[] =>
    decisions.filter((event): event is LifecycleOf<T> => event.type === type);
  const requested = of('TrainingRequested').map(({ run }) => run);
  const finished = of('TrainingFinished');
  const built = of('TrainingSetBuilt').map(({ run }) => run);
  const registered = of('VersionRegistered').map(({ version }) => String(version));
  const promoted = of('Promoted').map(({ version, rollout }) => `${version} by ${rollout}`);
  const once = (effect: string, keys: readonly string[]): Account => account(effect, new Set(keys), keys);
  const failed = new Set(finished.filter(({ failure }) => failure !== null).map(({ run }) => run));
  return [
    once('training runs requested', requested),
    account(
      'training sets built, one a run',
      requested.filter((run) => !failed.has(run) || built.includes(run)),
      built,
    ),
    account(
      'training runs finished',
      requested,
      finished.map(({ run }) => run),
    ),
    account(
      'versions registered, numbered without a gap',
      Array.from({ length: registered.length }, (_, i) => String(i + 1)),
      registered,
    ),
    once('promotions', promoted),
    once(
      'rollouts ended',
      of('RolloutEnded').map(({ rollout }) => rollout),
    ),
  ];
}

/** Reads Parquet. */
export class Parquet {
  private constructor(
    private readonly database: DuckDBInstance,
    private readonly scratch: string,
  ) {}

  static async open(): Promise<Parquet> {
    const database = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '1GB' });
    return new Parquet(database, mkdtempSync(join(tmpdir(), 'gyre-chaos-parquet-')));
  }

  /**
   * Keys in a topic's part of the archive. A file that was written again lies there twice, under two names: what counts is a record's place in the log.
   * @param key an SQL expression
   */
  archive(archiveDir: string, topic: string, key: string, where = 'true'): Promise<string[]> {
    const files = join(archiveDir, topic, '*', '*', '*.parquet');
    return this.column(
      `SELECT DISTINCT partition, "offset", ${key} AS key FROM read_parquet('${files}', union_by_name = true) WHERE ${where}`,
      2,
    );
  }

  /** `prediction label` of a training set. */
  trainingSet(bytes: ArrayBuffer): Promise<string[]> {
    const file = join(this.scratch, 'set.parquet');
    writeFileSync(file, Buffer.from(bytes));
    return this.column(`SELECT prediction || ' ' || CAST(label AS INTEGER) FROM read_parquet('${file}')`, 0);
  }

  close(): void {
    this.database.closeSync();
    rmSync(this.scratch, { recursive: true, force: true });
  }

  private async column(sql: string, index: number): Promise<string[]> {
    const connection = await this.database.connect();
    try {
      return (await connection.runAndReadAll(sql)).getRows().map((row) => String(row[index]));
    } finally {
      connection.closeSync();
    }
  }
}

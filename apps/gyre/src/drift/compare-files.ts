import { statSync } from 'node:fs';
import { twoSampleTests } from '@gyre/drift';
import { UsageError } from '../failures.js';
import type { Selection } from './column.js';
import { judgeColumns, type Comparison, type Rule } from './judge-columns.js';
import { compareColumn } from './compare-column.js';
import { CompareThread, type ColumnPair } from './compare-thread.js';
import { compareTogether } from './together.js';
import { prepareTable, type PreparedTable } from './prepared-table.js';

/** What is to be compared, and how. */
export interface Question extends Rule {
  reference: string;
  current: string;
  /** Names of the drift library's two-sample tests; by default those that suit each column. */
  tests?: readonly string[];
  /** Only these columns. */
  columns?: readonly string[];
}

/** What the comparison of all columns together costs, in cells of columns that are compared by themselves. */
const TOGETHER_CELLS = 2_000_000;
/** From this size on, both files together, a second thread is worth its start. */
const THREAD_BYTES = 1 << 22;

/**
 * Compares the columns that two files share, on two threads where the files are large: each reads a file, then does half of the comparing.
 *
 * @throws GyreError BAD_REQUEST with file and line if one cannot be read
 * @throws UsageError if a test or column is asked for that there is not, or the files share no column
 */
export async function compareFiles(question: Question): Promise<Comparison> {
  const { reference, current, tests } = question;
  requireTests(tests ?? []);
  const selection: Selection = question.columns === undefined ? {} : { columns: new Set(question.columns) };
  const thread = sizeOf(reference) + sizeOf(current) < THREAD_BYTES ? undefined : new CompareThread();
  try {
    const reading = thread?.read(current, selection);
    const read = await Promise.allSettled([
      prepareTable(reference, selection),
      reading ?? prepareTable(current, selection),
    ]);
    const [first, second] = read.map((one) => {
      if (one.status === 'rejected') throw one.reason;
      return one.value;
    }) as [PreparedTable, PreparedTable];
    const [before, now] = await ofOneKind(question, first, second);
    const pairs = before.columns.flatMap((column): ColumnPair[] => {
      const same = now.columns.find(({ name }) => name === column.name);
      return same === undefined ? [] : [[column, same]];
    });
    requireColumns(question, before.names, now.names, pairs.length);
    const kept = thread === undefined ? pairs.length : fairShare(pairs.length, before.rows + now.rows);
    const others = thread?.compare(pairs.slice(kept), tests) ?? [];
    const together = compareTogether(pairs, question);
    const own = pairs.slice(0, kept).map(([column, same]) => compareColumn(column, same, tests));
    const wanted = (name: string) => question.columns?.includes(name) ?? true;
    return {
      reference: { file: reference, rows: before.rows },
      current: { file: current, rows: now.rows },
      ...judgeColumns([...own, ...(await others)], question),
      together,
      onlyReference: before.names.filter((name) => wanted(name) && !now.names.includes(name)),
      onlyCurrent: now.names.filter((name) => wanted(name) && !before.names.includes(name)),
    };
  } finally {
    await thread?.close();
  }
}

/** How many of the columns the thread compares that also compares them together, so that both threads have as much to do. */
function fairShare(columns: number, rows: number): number {
  return Math.max(0, Math.round((columns - TOGETHER_CELLS / rows) / 2));
}

/** A column that is numeric in one file and text in the other is read again, as text. */
async function ofOneKind(
  { reference, current }: Question,
  before: PreparedTable,
  now: PreparedTable,
): Promise<[PreparedTable, PreparedTable]> {
  const again = async (file: string, table: PreparedTable, other: PreparedTable) => {
    const texts = new Set(other.columns.filter(({ kind }) => kind === 'text').map(({ name }) => name));
    const mixed = new Set(
      table.columns.filter(({ kind, name }) => kind === 'numeric' && texts.has(name)).map(({ name }) => name),
    );
    if (mixed.size === 0) return table;
    const { columns } = await prepareTable(file, { columns: mixed, textColumns: mixed });
    return { ...table, columns: table.columns.map((one) => columns.find(({ name }) => name === one.name) ?? one) };
  };
  return [await again(reference, before, now), await again(current, now, before)];
}

function requireTests(tests: readonly string[]): void {
  const unknown = tests.filter((test) => !Object.hasOwn(twoSampleTests, test));
  if (unknown.length > 0)
    throw new UsageError(
      `no test is called ${unknown.join(', ')}; there are: ${Object.keys(twoSampleTests).join(', ')}`,
    );
}

function requireColumns(question: Question, before: readonly string[], now: readonly string[], shared: number): void {
  const there = [...new Set([...before, ...now])];
  const unknown = (question.columns ?? []).filter((name) => !there.includes(name));
  if (unknown.length > 0)
    throw new UsageError(`no column is called ${unknown.join(', ')}; there are: ${there.join(', ')}`);
  if (shared === 0)
    throw new UsageError(
      `${question.reference} and ${question.current} share no column; they have: ${there.join(', ')}`,
    );
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

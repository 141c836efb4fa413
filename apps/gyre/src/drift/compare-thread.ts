import { Worker } from 'node:worker_threads';
import { GyreError } from '@gyre/contracts/errors';
import type { Selection } from './column.js';
import { compareColumn, type ColumnDraft } from './compare-column.js';
import { prepareTable, type PreparedColumn, type PreparedTable } from './prepared-table.js';

/** A column of the reference and the same of the current table. */
export type ColumnPair = readonly [reference: PreparedColumn, current: PreparedColumn];

export type Request =
  { read: string; selection: Selection } | { compare: readonly ColumnPair[]; tests: readonly string[] | undefined };
export type Answer = { table: PreparedTable } | { drafts: ColumnDraft[] } | { refused: string };

/** What a thread does when asked. */
export async function answered(request: Request): Promise<Exclude<Answer, { refused: string }>> {
  if ('read' in request) return { table: await prepareTable(request.read, request.selection) };
  return { drafts: request.compare.map(([before, now]) => compareColumn(before, now, request.tests)) };
}

/** The memory of the columns' numbers, which changes hands between threads without being copied. */
export function memoryOf(columns: readonly PreparedColumn[]): ArrayBuffer[] {
  return columns.flatMap((column) => (column.kind === 'numeric' ? [column.sample.values.buffer as ArrayBuffer] : []));
}

/** A second thread that reads and compares. */
export class CompareThread {
  private readonly worker = new Worker(new URL('./compare-worker.js', import.meta.url));

  /** @throws GyreError BAD_REQUEST as `prepareTable` */
  async read(file: string, selection: Selection): Promise<PreparedTable> {
    const answer = await this.ask({ read: file, selection }, []);
    return (answer as { table: PreparedTable }).table;
  }

  /** The columns are gone afterwards: their memory went along. */
  async compare(pairs: readonly ColumnPair[], tests: readonly string[] | undefined): Promise<ColumnDraft[]> {
    const answer = await this.ask({ compare: pairs, tests }, memoryOf(pairs.flat()));
    return (answer as { drafts: ColumnDraft[] }).drafts;
  }

  async close(): Promise<void> {
    await this.worker.terminate();
  }

  private async ask(request: Request, memory: ArrayBuffer[]): Promise<Answer> {
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.worker.once('message', resolve).once('error', reject);
      this.worker.postMessage(request, memory);
    });
    this.worker.removeAllListeners('message').removeAllListeners('error');
    if ('refused' in answer) throw new GyreError('BAD_REQUEST', answer.refused);
    return answer;
  }
}

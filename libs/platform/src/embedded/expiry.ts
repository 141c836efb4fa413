import type { DatabaseSync } from 'node:sqlite';
import type { Log } from './log.js';

const DAY_MS = 86_400_000;
const PAGE = 5_000;

/** How far a topic's partition may be cut. */
export interface Cut {
  topic: string;
  partition: number;
  days: number;
  /** The least offset that any group still needs. */
  below: number;
}

/** Deletes records older than their retention that all have read, oldest first, a page at a time. @returns how many events */
export function expire(db: DatabaseSync, log: Log, cuts: readonly Cut[], now: number): number {
  const young = db.prepare(
    'SELECT min(offset) AS offset FROM records WHERE topic = ? AND partition = ? AND offset >= ? AND offset < ? AND appended_at >= ?',
  );
  const count = db.prepare(
    'SELECT count(*) AS n FROM records WHERE topic = ? AND partition = ? AND offset < ? AND kind = 0',
  );
  const remove = db.prepare('DELETE FROM records WHERE topic = ? AND partition = ? AND offset < ?');
  const first = db.prepare('SELECT first, next FROM heads WHERE topic = ? AND partition = ?');
  const saveFirst = db.prepare('UPDATE heads SET first = ? WHERE topic = ? AND partition = ?');
  let expired = 0;
  for (const { topic, partition, days, below } of cuts) {
    const id = log.names.find(topic);
    const head =
      id === undefined ? undefined : (first.get(id, partition) as { first: number; next: number } | undefined);
    if (id === undefined || head === undefined) continue;
    for (let from = head.first; from < below; from += PAGE) {
      const to = Math.min(from + PAGE, below);
      const kept = (young.get(id, partition, from, to, now - days * DAY_MS) as { offset: number | null }).offset;
      const cut = kept ?? to;
      expired += log.transact('append', () => {
        const { n } = count.get(id, partition, cut) as { n: number };
        remove.run(id, partition, cut);
        saveFirst.run(cut, id, partition);
        return n;
      });
      if (kept !== null) break;
    }
  }
  return expired;
}

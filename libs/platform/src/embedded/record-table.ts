import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Kinds of records. The data of a tick is its time. */
export const EVENT = 0;
export const TICK = 1;

export type Row = [
  offset: number,
  kind: number,
  key: string,
  appendedAt: number,
  producer: number | null,
  sequence: number | null,
  originTopic: number | null,
  originOffset: number | null,
  data: string | Uint8Array,
];

/**
 * The records of one partition of one topic. Each partition has a table, so that every append goes to the end of a tree: full pages, and
 * none rewritten but the last. In one tree for all, each would split pages in its middle.
 */
export class RecordTable {
  readonly #insert: StatementSync;
  readonly #read: StatementSync;
  readonly #nthBack: StatementSync;
  readonly #firstYoung: StatementSync;
  readonly #countBelow: StatementSync;
  readonly #removeBelow: StatementSync;

  /** Makes the table's statements. @throws Error if there is no such table */
  constructor(db: DatabaseSync, topic: number, partition: number) {
    const table = nameOf(topic, partition);
    this.#insert = db.prepare(`INSERT INTO ${table} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    this.#read = db.prepare(`SELECT * FROM ${table} WHERE offset >= ? AND offset < ? ORDER BY offset LIMIT ?`);
    this.#read.setReturnArrays(true);
    this.#nthBack = db.prepare(
      `SELECT offset FROM ${table} WHERE offset < ? AND kind = ${EVENT} ORDER BY offset DESC LIMIT 1 OFFSET ?`,
    );
    this.#firstYoung = db.prepare(
      `SELECT min(offset) AS offset FROM ${table} WHERE offset >= ? AND offset < ? AND appended_at >= ?`,
    );
    this.#countBelow = db.prepare(`SELECT count(*) AS n FROM ${table} WHERE offset < ? AND kind = ${EVENT}`);
    this.#removeBelow = db.prepare(`DELETE FROM ${table} WHERE offset < ?`);
  }

  static create(db: DatabaseSync, topic: number, partition: number): RecordTable {
    db.exec(
      `CREATE TABLE ${nameOf(topic, partition)}(offset INTEGER PRIMARY KEY, kind INTEGER NOT NULL, key TEXT NOT NULL,
        appended_at INTEGER NOT NULL, producer INTEGER, sequence INTEGER, origin_topic INTEGER, origin_offset INTEGER,
        data ANY NOT NULL) STRICT`,
    );
    return new RecordTable(db, topic, partition);
  }

  insert(row: Row): void {
    this.#insert.run(...row);
  }

  /** In order, from an offset on, below `to`. */
  read(from: number, to: number, limit: number): Row[] {
    return this.#read.all(from, to, limit) as unknown as Row[];
  }

  /** The offset of the event that has `count - 1` events between it and `below`; undefined if there are not so many. */
  nthBack(below: number, count: number): number | undefined {
    return (this.#nthBack.get(below, count - 1) as { offset: number } | undefined)?.offset;
  }

  /** The first offset in a range that was appended at or after a time; null if all are older. */
  firstYoung(from: number, to: number, since: number): number | null {
    return (this.#firstYoung.get(from, to, since) as { offset: number | null }).offset;
  }

  /** Deletes what lies below an offset. @returns how many events */
  removeBelow(offset: number): number {
    const { n } = this.#countBelow.get(offset) as { n: number };
    this.#removeBelow.run(offset);
    return n;
  }
}

function nameOf(topic: number, partition: number): string {
  return `records_${topic}_${partition}`;
}

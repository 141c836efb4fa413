import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Data } from '../encoding.js';
import type { LogRecord, Origin } from '../folding/log-record.js';
import { Names } from './names.js';
import { RecentRecords } from './recent-records.js';
import { EVENT, RecordTable, TICK, type Row } from './record-table.js';

/** A record to append. */
export interface NewRecord {
  topic: string;
  partition: number;
  key: string;
  data: Data;
  producer?: string;
  sequence?: number;
  origin?: Origin;
}

/** The end of a partition: the offset that its next record gets. */
export interface Head {
  topic: string;
  partition: number;
  next: number;
}

interface OpenHead extends Head {
  id: number;
  table: RecordTable;
  /** What the transaction has appended. */
  fresh: LogRecord[];
}

/** The partitioned log on one connection. What is written counts when the transaction around it does. */
export class Log {
  readonly names: Names;
  /** What the transaction under way appends to, by topic and partition. */
  readonly #open = new Map<string, Map<number, OpenHead>>();
  readonly #tables = new Map<string, RecordTable>();
  readonly #recent = new Map<string, RecentRecords>();
  /** Places whose tables were made in the transaction under way. */
  #made: string[] = [];
  readonly #head: StatementSync;
  readonly #saveHead: StatementSync;
  readonly #heads: StatementSync;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #rollback: StatementSync;
  readonly #beginReading: StatementSync;
  #inside = false;
  #reading = false;

  /**
   * @param committed told the new ends after each commit
   * @param onStep told the steps of a commit, for tests that kill between them
   */
  constructor(
    private readonly db: DatabaseSync,
    private readonly committed: (heads: readonly Head[]) => void,
    private readonly onStep: ((step: string) => void) | undefined,
  ) {
    this.names = new Names(db);
    this.#head = db.prepare('SELECT next FROM heads WHERE topic = ? AND partition = ?');
    this.#saveHead = db.prepare(
      'INSERT INTO heads VALUES (?, ?, 0, ?) ON CONFLICT(topic, partition) DO UPDATE SET next = excluded.next',
    );
    this.#heads = db.prepare('SELECT topic, partition, next FROM heads');
    this.#beginReading = db.prepare('BEGIN');
    this.#begin = db.prepare('BEGIN IMMEDIATE');
    this.#commit = db.prepare('COMMIT');
    this.#rollback = db.prepare('ROLLBACK');
  }

  /**
   * Runs `write` as one transaction. It must not await: another's work on this connection would join it.
   * @param kind who commits, for the names of the steps
   */
  transact<T>(kind: 'append' | 'task' | 'job', write: () => T): T {
    if (this.#inside) throw new Error('a transaction is open already');
    this.endReading();
    this.#begin.run();
    this.#inside = true;
    let result: T;
    try {
      result = write();
      for (const head of this.#opened()) this.#saveHead.run(head.id, head.partition, head.next);
      this.onStep?.(`${kind}: written`);
      this.#commit.run();
    } catch (error) {
      this.#inside = false;
      this.#open.clear();
      for (const place of this.#made) this.#tables.delete(place);
      this.#made = [];
      this.names.rolledBack();
      if (this.db.isTransaction) this.#rollback.run();
      throw error;
    }
    this.#inside = false;
    this.names.committed();
    if (this.#made.length > 0) this.#made = [];
    this.onStep?.(`${kind}: committed`);
    if (this.#open.size > 0) {
      const heads = [...this.#opened()];
      this.#open.clear();
      for (const { topic, partition, fresh } of heads) this.#recentOf(placeOf(topic, partition)).add(fresh);
      this.committed(heads);
    }
    return result;
  }

  /** Many reads are cheaper in one transaction; it ends with `endReading`, or where one that writes begins. */
  beginReading(): void {
    if (this.#reading || this.#inside) return;
    this.#beginReading.run();
    this.#reading = true;
  }

  endReading(): void {
    if (!this.#reading) return;
    this.#commit.run();
    this.#reading = false;
  }

  /** Appends one event. Only inside `transact`. @returns its offset */
  append({ topic, partition, key, data, producer, sequence, origin }: NewRecord, appendedAt: number): number {
    const head = this.#headOf(topic, partition);
    return this.#put(head, {
      offset: head.next,
      key,
      appendedAt,
      producer,
      sequence: sequence ?? 0,
      tick: undefined,
      // Bytes are copied, for they may be a small part of a large body.
      data: typeof data === 'string' ? data : new Uint8Array(data),
      origin,
    });
  }

  /** Appends a tick. Only inside `transact`. */
  appendTick(topic: string, partition: number, time: number, appendedAt: number): void {
    const head = this.#headOf(topic, partition);
    this.#put(head, {
      offset: head.next,
      key: '',
      appendedAt,
      producer: undefined,
      sequence: 0,
      tick: time,
      data: String(time),
      origin: undefined,
    });
  }

  /** Records from an offset on, ticks among them, below `to`. */
  read(topic: string, partition: number, from: number, to: number, limit: number): LogRecord[] {
    if (from >= to) return [];
    const recent = this.#recent.get(placeOf(topic, partition))?.read(from, to, limit);
    return recent ?? this.#records(this.table(topic, partition)?.read(from, to, limit) ?? []);
  }

  /** The offset of the event that has `count - 1` events between it and `below`; 0 if there are not so many. */
  offsetBack(topic: string, partition: number, below: number, count: number): number {
    return this.table(topic, partition)?.nthBack(below, count) ?? 0;
  }

  /** Where a partition's records lie; undefined if it never had any. */
  table(topic: string, partition: number): RecordTable | undefined {
    const place = placeOf(topic, partition);
    const known = this.#tables.get(place);
    if (known !== undefined) return known;
    const id = this.names.find(topic);
    if (id === undefined || this.#head.get(id, partition) === undefined) return undefined;
    const table = new RecordTable(this.db, id, partition);
    this.#tables.set(place, table);
    return table;
  }

  /** Deletes what lies below an offset. Only inside `transact`. @returns how many events */
  removeBelow(topic: string, partition: number, offset: number): number {
    this.#recent.get(placeOf(topic, partition))?.dropBelow(offset);
    return this.table(topic, partition)?.removeBelow(offset) ?? 0;
  }

  heads(): Head[] {
    const rows = this.#heads.all() as unknown as { topic: number; partition: number; next: number }[];
    return rows.map((row) => ({ topic: this.names.nameOf(row.topic), partition: row.partition, next: row.next }));
  }

  #put(head: OpenHead, record: LogRecord): number {
    const { offset, key, appendedAt, producer, sequence, tick, data, origin } = record;
    head.table.insert([
      offset,
      tick === undefined ? EVENT : TICK,
      key,
      appendedAt,
      producer === undefined ? null : this.names.idOf(producer),
      // What was given back has no producer, but the number of its letter.
      producer === undefined ? (origin?.letter ?? null) : sequence,
      origin === undefined ? null : this.names.idOf(origin.topic),
      origin === undefined ? null : origin.offset,
      data,
    ]);
    head.fresh.push(record);
    head.next = offset + 1;
    return offset;
  }

  #headOf(topic: string, partition: number): OpenHead {
    let heads = this.#open.get(topic);
    if (heads === undefined) this.#open.set(topic, (heads = new Map()));
    let head = heads.get(partition);
    if (head === undefined) heads.set(partition, (head = this.#openHead(topic, partition)));
    return head;
  }

  #openHead(topic: string, partition: number): OpenHead {
    const id = this.names.idOf(topic);
    const row = this.#head.get(id, partition) as { next: number } | undefined;
    const table = row === undefined ? this.#make(topic, id, partition) : (this.table(topic, partition) as RecordTable);
    return { id, topic, partition, next: row?.next ?? 0, table, fresh: [] };
  }

  #recentOf(place: string): RecentRecords {
    let recent = this.#recent.get(place);
    if (recent === undefined) this.#recent.set(place, (recent = new RecentRecords()));
    return recent;
  }

  *#opened(): Generator<OpenHead> {
    for (const heads of this.#open.values()) yield* heads.values();
  }

  #make(topic: string, id: number, partition: number): RecordTable {
    const table = RecordTable.create(this.db, id, partition);
    const place = placeOf(topic, partition);
    this.#tables.set(place, table);
    this.#made.push(place);
    return table;
  }

  #records(rows: Row[]): LogRecord[] {
    const records: LogRecord[] = new Array<LogRecord>(rows.length);
    for (let i = 0; i < rows.length; i++) {
      const [offset, kind, key, appendedAt, producer, sequence, originTopic, originOffset, data] = rows[i] as Row;
      records[i] = {
        offset,
        key,
        appendedAt,
        producer: producer === null ? undefined : this.names.nameOf(producer),
        sequence: producer === null ? 0 : (sequence ?? 0),
        tick: kind === TICK ? Number(data) : undefined,
        data,
        origin:
          originTopic === null
            ? undefined
            : { topic: this.names.nameOf(originTopic), offset: originOffset as number, letter: sequence ?? -1 },
      };
    }
    return records;
  }
}

function placeOf(topic: string, partition: number): string {
  return `${partition} ${topic}`;
}

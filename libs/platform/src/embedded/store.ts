import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { StateChange, StateRow, StateSource } from '../folding/batch-states.js';
import type { Wish } from '../folding/waking.js';
import { SequencesSeen } from '../folding/sequences-seen.js';
import type { Names } from './names.js';

/** Where a group stands in one partition: its commit record. */
export interface Commit {
  /** Rises by one with every commit. */
  batch: number;
  /** By topic, the next offset to read. */
  offsets: Record<string, number>;
  /** By topic, the last tick seen, UTC milliseconds. */
  ticks: Record<string, number>;
  seen: SequencesSeen;
  /** The number that the group's next publication gets. */
  sequence: number;
}

export function noCommit(): Commit {
  return { batch: 0, offsets: {}, ticks: {}, seen: new SequencesSeen(), sequence: 0 };
}

/** Commit records and states on one connection. */
export class Store {
  readonly #commits: StatementSync;
  readonly #commit: StatementSync;
  readonly #saveCommit: StatementSync;
  readonly #state: StatementSync;
  readonly #floor: StatementSync;
  readonly #floorBelow: StatementSync;
  readonly #saveState: StatementSync;
  readonly #deleteState: StatementSync;
  readonly #due: StatementSync;
  readonly #soonest: StatementSync;
  readonly #page: StatementSync;
  readonly #time: StatementSync;
  readonly #saveTime: StatementSync;

  constructor(
    db: DatabaseSync,
    private readonly names: Names,
  ) {
    this.#time = db.prepare("SELECT value FROM meta WHERE name = 'time'");
    this.#saveTime = db.prepare("INSERT OR REPLACE INTO meta VALUES ('time', ?)");
    const place = 'grp = ? AND partition = ?';
    this.#commits = db.prepare('SELECT grp, partition, data FROM commits');
    this.#commit = db.prepare(`SELECT data FROM commits WHERE ${place}`);
    this.#saveCommit = db.prepare('INSERT OR REPLACE INTO commits VALUES (?, ?, ?)');
    this.#state = db.prepare(`SELECT data, wake_at FROM states WHERE ${place} AND key = ?`);
    const floor = (sign: string) =>
      db.prepare(`SELECT key FROM states WHERE ${place} AND key >= ? AND key ${sign} ? ORDER BY key DESC LIMIT 1`);
    this.#floor = floor('<=');
    this.#floorBelow = floor('<');
    this.#saveState = db.prepare(
      `INSERT INTO states VALUES (?, ?, ?, ?, ?)
       ON CONFLICT(grp, partition, key) DO UPDATE SET wake_at = excluded.wake_at, data = excluded.data`,
    );
    this.#deleteState = db.prepare(`DELETE FROM states WHERE ${place} AND key = ?`);
    this.#due = db.prepare(
      `SELECT key, wake_at FROM states WHERE ${place} AND wake_at <= ? ORDER BY wake_at, key LIMIT ?`,
    );
    this.#soonest = db.prepare(
      `SELECT wake_at FROM states WHERE ${place} AND wake_at IS NOT NULL ORDER BY wake_at LIMIT 1`,
    );
    this.#page = db.prepare(
      'SELECT partition, key, data FROM states WHERE grp = ? AND (partition, key) > (?, ?) ORDER BY partition, key LIMIT ?',
    );
  }

  /** The latest time that was told, UTC milliseconds; 0 before the first. */
  time(): number {
    return Number((this.#time.get() as { value: string } | undefined)?.value ?? 0);
  }

  /** Only inside a transaction. */
  saveTime(time: number): void {
    this.#saveTime.run(String(time));
  }

  commit(group: string, partition: number): Commit | undefined {
    const id = this.names.find(group);
    if (id === undefined) return undefined;
    const row = this.#commit.get(id, partition) as { data: string } | undefined;
    return row === undefined ? undefined : parsed(row.data);
  }

  /** Every group's commit records, the stopped ones among them. */
  commits(): { group: string; partition: number; commit: Commit }[] {
    const rows = this.#commits.all() as unknown as { grp: number; partition: number; data: string }[];
    return rows.map((row) => ({
      group: this.names.nameOf(row.grp),
      partition: row.partition,
      commit: parsed(row.data),
    }));
  }

  /** Only inside a transaction. */
  saveCommit(group: string, partition: number, commit: Commit): void {
    this.#saveCommit.run(this.names.idOf(group), partition, JSON.stringify(commit));
  }

  /** Only inside a transaction. */
  saveStates(group: string, partition: number, changes: readonly StateChange[]): void {
    const id = this.names.idOf(group);
    for (const { key, json, wakeAt } of changes) {
      if (json === null) this.#deleteState.run(id, partition, key);
      else this.#saveState.run(id, partition, key, wakeAt, json);
    }
  }

  source(group: string, partition: number): StateSource {
    const id = this.names.find(group);
    if (id === undefined) return { get: () => undefined, floor: () => undefined };
    return {
      get: (key) => {
        const row = this.#state.get(id, partition, key) as { data: string; wake_at: number | null } | undefined;
        return row === undefined ? undefined : ({ json: row.data, wakeAt: row.wake_at } satisfies StateRow);
      },
      floor: (prefix, atOrBefore, below) => {
        const last = `${prefix}\u{10ffff}`;
        const within = atOrBefore.startsWith(prefix) || Buffer.compare(Buffer.from(atOrBefore), Buffer.from(last)) < 0;
        const statement = below && within ? this.#floorBelow : this.#floor;
        const row = statement.get(id, partition, prefix, within ? atOrBefore : last) as { key: string } | undefined;
        return row?.key;
      },
    };
  }

  due(group: string, partition: number, time: number, limit: number): Wish[] {
    const id = this.names.find(group);
    if (id === undefined) return [];
    const rows = this.#due.all(id, partition, time, limit) as unknown as { key: string; wake_at: number }[];
    return rows.map((row) => ({ key: row.key, wakeAt: row.wake_at }));
  }

  /** The earliest time that any state wishes to be woken at; Infinity for none. */
  soonest(group: string, partition: number): number {
    const id = this.names.find(group);
    if (id === undefined) return Infinity;
    return (this.#soonest.get(id, partition) as { wake_at: number } | undefined)?.wake_at ?? Infinity;
  }

  /** A state's JSON. */
  find(group: string, partition: number, key: string): string | undefined {
    const id = this.names.find(group);
    if (id === undefined) return undefined;
    return (this.#state.get(id, partition, key) as { data: string } | undefined)?.data;
  }

  page(
    group: string,
    after: { partition: number; key: string },
    limit: number,
  ): { partition: number; key: string; data: string }[] {
    const id = this.names.find(group);
    if (id === undefined) return [];
    return this.#page.all(id, after.partition, after.key, limit) as unknown as {
      partition: number;
      key: string;
      data: string;
    }[];
  }
}

function parsed(json: string): Commit {
  const commit = JSON.parse(json) as Omit<Commit, 'seen'> & { seen: Record<string, Record<string, number>> };
  return { ...commit, seen: new SequencesSeen(commit.seen) };
}

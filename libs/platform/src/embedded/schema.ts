import { GyreError } from '@gyre/contracts';
import { DatabaseSync } from 'node:sqlite';

/** Format of the data directory. It rises with every change that an older program would misread. */
export const FORMAT = 3;

/**
 * `names` are topics, producers and groups. `heads` are the partitions that have records, each in a table of its own (record-table.ts):
 * `first` is the earliest offset that is kept, `next` the one that the next record gets. Keys of `states` come in any order; their rows lie in that in which
 * they were made, so that what is written together lies on the same pages, and a changed state leaves the index as it is.
 */
const TABLES = `
CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE names(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE heads(topic INTEGER, partition INTEGER, first INTEGER NOT NULL, next INTEGER NOT NULL,
  PRIMARY KEY(topic, partition)) WITHOUT ROWID, STRICT;
CREATE TABLE commits(grp INTEGER, partition INTEGER, data TEXT NOT NULL, PRIMARY KEY(grp, partition)) WITHOUT ROWID, STRICT;
CREATE TABLE states(grp INTEGER NOT NULL, partition INTEGER NOT NULL, key TEXT NOT NULL, wake_at INTEGER, data TEXT NOT NULL,
  PRIMARY KEY(grp, partition, key)) STRICT;
CREATE INDEX due ON states(grp, partition, wake_at, key) WHERE wake_at IS NOT NULL;
`;

export interface DatabaseOptions {
  partitions: number;
  /** Wait for the disk at every commit: survives loss of power, not only of the process. */
  fsync: boolean;
}

/** Opens the database, or makes it. @throws GyreError DATA_DIR_VERSION, TOPIC_MISMATCHED */
export function openDatabase(file: string, options: DatabaseOptions): DatabaseSync {
  const db = connect(file, options.fsync);
  try {
    const made = db.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'meta'").get() as { n: number };
    if (made.n === 0) {
      db.exec('BEGIN IMMEDIATE');
      db.exec(TABLES);
      const insert = db.prepare('INSERT INTO meta VALUES (?, ?)');
      insert.run('FORMAT', String(FORMAT));
      insert.run('partitions', String(options.partitions));
      db.exec('COMMIT');
      return db;
    }
    const meta = readMeta(db);
    assertFormat(file, Number(meta.get('FORMAT')));
    const partitions = Number(meta.get('partitions'));
    if (partitions !== options.partitions) {
      throw new GyreError(
        'TOPIC_MISMATCHED',
        `${file} was made with ${partitions} partitions, not ${options.partitions}; set partitions to ${partitions}, or begin a new data directory`,
        { partitions, configured: options.partitions },
      );
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** A connection as all threads of the owner use it. */
export function connect(file: string, fsync: boolean): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: 10_000 });
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${fsync ? 'FULL' : 'NORMAL'}; PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;`);
  return db;
}

export function readMeta(db: DatabaseSync): Map<string, string> {
  const rows = db.prepare('SELECT name, value FROM meta').all() as { name: string; value: string }[];
  return new Map(rows.map((row) => [row.name, row.value]));
}

function assertFormat(file: string, format: number): void {
  if (format === FORMAT) return;
  throw new GyreError(
    'DATA_DIR_VERSION',
    format > FORMAT
      ? `${file} was written by a newer Gyre (format ${format}, this one knows ${FORMAT}); start that version, or a newer one`
      : `${file} has format ${format}, this Gyre writes ${FORMAT}; start the older version, or begin a new data directory`,
    { format, known: FORMAT },
  );
}

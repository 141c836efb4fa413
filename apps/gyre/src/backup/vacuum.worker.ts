import { DatabaseSync } from 'node:sqlite';
import { workerData } from 'node:worker_threads';

/** Copies a database as one transaction sees it, while others write to it. */
const { database, target } = workerData as { database: string; target: string };
const db = new DatabaseSync(database, { timeout: 10_000 });
db.prepare('VACUUM INTO ?').run(target);
db.close();

/**
 * Measures the embedded platform against bare loops on node:sqlite, per second of processor time, in one run:
 * `node libs/platform/dist/embedded/throughput.js`.
 * The bare append writes the same JSON, 500 a transaction; the bare fold reads, parses and adds up the same records, 500 a transaction.
 */
import { topic } from '@gyre/contracts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { publish } from '../task.js';
import { EmbeddedPlatform } from './embedded-platform.js';
import { connect } from './schema.js';

const COUNT = 200_000;
const BATCH = 500;
const KEYS = 100;

const Reading = z.object({ entity: z.string(), at: z.number(), value: z.number(), source: z.string() });
type Reading = z.infer<typeof Reading>;
const readings = topic('measure.readings', Reading, ({ entity }) => entity, { days: 1 });
const copies = topic('measure.copies', Reading, ({ entity }) => entity, { days: 1 });

const batches: Reading[][] = Array.from({ length: COUNT / BATCH }, (_, i) =>
  Array.from({ length: BATCH }, (__, j) => {
    const n = i * BATCH + j;
    return { entity: `entity-${n % KEYS}`, at: 1_700_000_000_000 + n, value: n / 7, source: 'measure' };
  }),
);

/** Processor time, milliseconds: other programs on the machine do not count. Waiting for the disk does not either. */
function now(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function perSecond(began: number, count = COUNT): number {
  return Math.round(count / ((now() - began) / 1_000));
}

function bare(dir: string): { append: number; fold: number } {
  const db = connect(join(dir, 'bare.db'), false);
  db.exec(
    'CREATE TABLE log(partition INTEGER, offset INTEGER, key TEXT, at INTEGER, data TEXT, PRIMARY KEY(partition, offset)) WITHOUT ROWID',
  );
  db.exec('CREATE TABLE state(key TEXT PRIMARY KEY, data TEXT) WITHOUT ROWID');
  const insert = db.prepare('INSERT INTO log VALUES (?, ?, ?, ?, ?)');
  let offset = 0;
  const appending = now();
  for (const batch of batches) {
    db.exec('BEGIN IMMEDIATE');
    for (const event of batch) insert.run(0, offset++, event.entity, Date.now(), JSON.stringify(event));
    db.exec('COMMIT');
  }
  const append = perSecond(appending);
  const read = db.prepare('SELECT key, data FROM log WHERE partition = 0 AND offset >= ? ORDER BY offset LIMIT ?');
  const load = db.prepare('SELECT data FROM state WHERE key = ?');
  const save = db.prepare('INSERT OR REPLACE INTO state VALUES (?, ?)');
  const folding = now();
  for (let from = 0; from < COUNT; from += BATCH) {
    db.exec('BEGIN IMMEDIATE');
    const sums = new Map<string, { sum: number }>();
    for (const row of read.all(from, BATCH) as { key: string; data: string }[]) {
      let state = sums.get(row.key);
      if (state === undefined) {
        const stored = load.get(row.key) as { data: string } | undefined;
        sums.set(row.key, (state = stored === undefined ? { sum: 0 } : (JSON.parse(stored.data) as { sum: number })));
      }
      state.sum += (JSON.parse(row.data) as Reading).value;
    }
    for (const [key, state] of sums) save.run(key, JSON.stringify(state));
    db.exec('COMMIT');
  }
  const fold = perSecond(folding);
  db.close();
  return { append, fold };
}

async function platform(dir: string): Promise<{ append: number; fold: number; passOn: number; settled: number }> {
  const on = EmbeddedPlatform.open({ dir, partitions: 1, tickEveryMs: null });
  const appending = now();
  for (const batch of batches) await on.append(readings, batch);
  const append = perSecond(appending);
  const folding = now();
  const sum = on.run<{ sum: number }, Reading>({
    name: 'measure.sum',
    inputs: [readings],
    handle: (state = { sum: 0 }, { value }) => {
      state.sum += value;
      return { state };
    },
  });
  await on.settled();
  const fold = perSecond(folding);
  await sum.stop();
  const passing = now();
  on.run<undefined, Reading>({
    name: 'measure.copy',
    inputs: [readings],
    handle: (_, event) => ({ publish: [publish(copies, event)] }),
  });
  await on.settled();
  const passOn = perSecond(passing);
  const rounds = 2_000;
  const settling = now();
  for (let i = 0; i < rounds; i++) {
    await on.append(readings, [batches[0]?.[i % BATCH] as Reading]);
    await on.settled();
  }
  const settled = perSecond(settling, rounds);
  await on.close();
  return { append, fold, passOn, settled };
}

const dir = mkdtempSync(join(tmpdir(), 'gyre-measure-'));
try {
  for (let round = 1; round <= 3; round++) {
    const sqlite = bare(mkdtempSync(join(dir, 'bare-')));
    const gyre = await platform(join(dir, `gyre-${round}`));
    const ratio = (a: number, b: number) => (a / b).toFixed(2);
    console.log(
      `append ${gyre.append}/s of ${sqlite.append} (${ratio(gyre.append, sqlite.append)}), fold ${gyre.fold}/s of ${sqlite.fold} (${ratio(gyre.fold, sqlite.fold)}), ` +
        `pass on ${gyre.passOn}/s, append one and settle ${gyre.settled}/s`,
    );
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}

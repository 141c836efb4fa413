/**
 * Events a second from gyre.ingest through validation into gyre.features, beside a loop that reads, parses and appends the same bytes in batches of
 * the same size through the same client: node:sqlite with the same schema, and kafkajs, whose records bear the same headers. The loop checks nothing,
 * drops no repeats and keeps no place for a restart but its offset. Rounds alternate, so that both see the same machine.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import kafkajs from 'kafkajs';
import { accept } from '../apps/ingestion/dist/accept.js';
import { topics } from '../libs/contracts/dist/index.js';
import { readSpecs } from '../libs/hosting/dist/index.js';
import { ClusterPlatform, EmbeddedPlatform } from '../libs/platform/dist/index.js';
import { startServers } from '../tools/servers/index.mjs';

const SPEC = `kind: FeatureView
name: market
entity: region
fields: { nswprice: float, nswdemand: float, vicprice: float, vicdemand: float, transfer: float, period: float }
`;
const CHUNK = 2_000;
const BATCH = { embedded: 500, cluster: 2_000 };

export async function bench(args) {
  const { values } = parseArgs({
    args,
    options: {
      events: { type: 'string', default: '60000' },
      rounds: { type: 'string', default: '3' },
      partitions: { type: 'string', default: '2' },
      platform: { type: 'string', default: 'both' },
    },
  });
  const count = Number(values.events);
  const partitions = Number(values.partitions);
  const events = eventsOf(count);
  console.log(`${count} events, ${partitions} partitions; events/s, ${values.rounds} round(s)`);
  const kinds = values.platform === 'both' ? ['embedded', 'cluster'] : [values.platform];
  for (const kind of kinds) {
    const on = kind === 'embedded' ? embedded(partitions) : await cluster(partitions);
    const figures = { bare: [], gyre: [] };
    try {
      for (let round = 0; round < Number(values.rounds); round++) {
        figures.bare.push(count / (await on.bare(events)));
        figures.gyre.push(count / (await on.gyre(events)));
      }
    } finally {
      await on.end();
    }
    for (const [name, found] of Object.entries(figures))
      console.log(`${kind.padEnd(10)}${name.padEnd(6)}${format(found)}`);
    console.log(`${kind.padEnd(10)}ratio ${(median(figures.gyre) / median(figures.bare)).toFixed(2)}`);
  }
}

function eventsOf(count) {
  const encoder = new TextEncoder();
  return Array.from({ length: count }, (_, i) => {
    const id = `event-${i}`;
    const value = (n) => ((i * n) % 9_973) / 9_973;
    const values = {
      nswprice: value(7),
      nswdemand: value(11),
      vicprice: value(13),
      vicdemand: value(17),
      transfer: value(19),
      period: (i % 48) / 47,
    };
    const time = new Date(Date.UTC(2026, 0, 1) + i * 1_000).toISOString();
    const bytes = encoder.encode(
      JSON.stringify({ id, type: 'features', view: 'market', entity: `region-${i % 100}`, time, values }),
    );
    return { key: id, bytes };
  });
}

function task() {
  const { views } = readSpecs(SPEC, 'bench.yaml');
  return accept({
    view: (name) => views.find((one) => one.name === name),
    model: () => undefined,
    views: () => views,
    distinctWithin: 100_000,
  });
}

async function fill(platform, events) {
  for (let from = 0; from < events.length; from += CHUNK)
    await platform.appendRaw(topics.ingest, events.slice(from, from + CHUNK));
}

async function timed(platform, count) {
  const began = performance.now();
  platform.run(task());
  await platform.settled();
  const seconds = (performance.now() - began) / 1_000;
  let accepted = 0;
  for await (const _ of platform.read(topics.features)) accepted += 1;
  if (accepted !== count) throw new Error(`${accepted} of ${count} events came through`);
  return seconds;
}

function embedded(partitions) {
  const root = mkdtempSync(join(tmpdir(), 'gyre-bench-'));
  return {
    async gyre(events) {
      const platform = EmbeddedPlatform.open({ dir: join(root, randomUUID()), partitions, tickEveryMs: null });
      await fill(platform, events);
      const seconds = await timed(platform, events.length);
      await platform.close();
      return seconds;
    },
    bare: async (events) => bareSqlite(join(root, `${randomUUID()}.db`), events),
    end: async () => rmSync(root, { recursive: true, force: true }),
  };
}

/** The schema of the embedded log's records, and one row for the place. */
function bareSqlite(file, events) {
  const db = new DatabaseSync(file);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4000;
    CREATE TABLE place(id INTEGER PRIMARY KEY, offset INTEGER) STRICT;`);
  const [into, out] = ['ingest', 'features'].map((table) => {
    db.exec(`CREATE TABLE ${table}(offset INTEGER PRIMARY KEY, kind INTEGER NOT NULL, key TEXT NOT NULL, appended_at INTEGER NOT NULL,
      producer INTEGER, sequence INTEGER, origin_topic INTEGER, origin_offset INTEGER, data ANY NOT NULL) STRICT`);
    return db.prepare(`INSERT INTO ${table} VALUES (?, 0, ?, ?, ?, ?, NULL, NULL, ?)`);
  });
  const read = db.prepare('SELECT key, data FROM ingest WHERE offset >= ? ORDER BY offset LIMIT ?');
  const place = db.prepare('INSERT OR REPLACE INTO place VALUES (0, ?)');
  db.exec('BEGIN IMMEDIATE');
  for (const [offset, { key, bytes }] of events.entries()) into.run(offset, key, Date.now(), null, null, bytes);
  db.exec('COMMIT');
  const decoder = new TextDecoder();
  const began = performance.now();
  for (let from = 0; from < events.length; from += BATCH.embedded) {
    const rows = read.all(from, BATCH.embedded);
    db.exec('BEGIN IMMEDIATE');
    for (const [i, { data }] of rows.entries()) {
      const text = decoder.decode(data);
      out.run(from + i, JSON.parse(text).entity, Date.now(), 1, from + i, text);
    }
    place.run(from + rows.length);
    db.exec('COMMIT');
  }
  const seconds = (performance.now() - began) / 1_000;
  db.close();
  return seconds;
}

async function cluster(partitions) {
  const { GYRE_TEST_KAFKA: address, GYRE_TEST_MONGODB: url } = process.env;
  const servers =
    address && url ? { kafka: { address }, mongodb: { url }, stop: async () => undefined } : await startServers();
  const open = () => {
    const name = `bench-${randomUUID().slice(0, 8)}`;
    const kafka = { brokers: [servers.kafka.address], prefix: `${name}.`, replication: 1 };
    const mongodb = { url: servers.mongodb.url, database: name };
    return ClusterPlatform.open({ kafka, mongodb, partitions, tickEveryMs: null, topics: Object.values(topics) });
  };
  return {
    async gyre(events) {
      const platform = await open();
      await fill(platform, events);
      const seconds = await timed(platform, events.length);
      await platform.close();
      return seconds;
    },
    bare: (events) => bareKafka(servers.kafka.address, partitions, events),
    end: () => servers.stop(),
  };
}

async function bareKafka(broker, partitions, events) {
  const { CompressionTypes, Kafka, Partitioners, logLevel } = kafkajs;
  const name = `bare-${randomUUID().slice(0, 8)}`;
  const [from, to] = [`${name}.ingest`, `${name}.features`];
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await Promise.all([admin.connect(), producer.connect()]);
  const configEntries = [{ name: 'max.message.bytes', value: '9000000' }];
  await admin.createTopics({
    waitForLeaders: true,
    topics: [from, to].map((topic) => ({ topic, numPartitions: partitions, replicationFactor: 1, configEntries })),
  });
  const send = (topic, messages) => producer.send({ topic, acks: -1, compression: CompressionTypes.GZIP, messages });
  let sent = 0;
  const headersOf = (topic, id, time) => ({
    ce_specversion: '1.0',
    ce_id: id,
    ce_source: '/gyre/ingestion.accept/0',
    ce_type: topic,
    ce_time: time,
    'content-type': 'application/json',
  });
  for (let at = 0; at < events.length; at += CHUNK)
    await send(
      from,
      events.slice(at, at + CHUNK).map(({ key, bytes }) => ({
        key,
        value: Buffer.from(bytes),
        headers: headersOf('gyre.ingest', randomUUID(), new Date().toISOString()),
      })),
    );
  const consumer = kafka.consumer({ groupId: name });
  await consumer.connect();
  await consumer.subscribe({ topics: [from], fromBeginning: true });
  let done = 0;
  const began = performance.now();
  await new Promise((resolve, reject) => {
    consumer
      .run({
        autoCommit: false,
        eachBatchAutoResolve: true,
        partitionsConsumedConcurrently: partitions,
        eachBatch: async ({ batch: { messages, partition } }) => {
          for (let at = 0; at < messages.length; at += BATCH.cluster) {
            const part = messages.slice(at, at + BATCH.cluster);
            const time = new Date().toISOString();
            await send(
              to,
              part.map(({ value }) => ({
                key: JSON.parse(value.toString()).entity,
                value,
                headers: headersOf('gyre.features', String(sent++), time),
              })),
            );
            await consumer.commitOffsets([{ topic: from, partition, offset: String(Number(part.at(-1).offset) + 1) }]);
            done += part.length;
          }
          if (done >= events.length) resolve();
        },
      })
      .catch(reject);
  });
  const seconds = (performance.now() - began) / 1_000;
  await consumer.disconnect();
  await admin.deleteTopics({ topics: [from, to] });
  await Promise.all([admin.disconnect(), producer.disconnect()]);
  return seconds;
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

function format(values) {
  return `${Math.round(median(values))} (${Math.round(Math.min(...values))} to ${Math.round(Math.max(...values))})`;
}

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import mongoose from 'mongoose';
import { describeOnServers, testServers } from '../../../tools/servers/index.mjs';
import { elec2, repeatable, summaryOf } from './elec2.js';
import { Child, newDirectory } from './harness.js';

const MINUTES_10 = 600_000;
const FLAGS = [...elec2.flags, '--limit', '2000', '--bootstrap-rows', '300', '--step', '100', '--json'];

describeOnServers('a replay on Kafka and MongoDB', await testServers(), ({ kafka, mongodb }) => {
  const run = async (...flags: string[]) => {
    const child = new Child(['replay', elec2.file, '--spec', elec2.spec, ...FLAGS, ...flags]);
    if ((await child.ended) !== 0) throw new Error(`the replay ended badly: ${child.stderr}`);
    return summaryOf(child.stdout);
  };

  it(
    'comes to the same decisions and numbers as on the embedded platform, and leaves nothing behind',
    async () => {
      const database = `replayed-${Date.now()}`;
      const settings = join(newDirectory(), 'gyre.yaml');
      const platform = {
        kind: 'cluster',
        kafka: { brokers: [kafka], replication: 1 },
        mongodb: { url: mongodb, database },
      };
      // JSON is YAML.
      writeFileSync(settings, JSON.stringify({ platform }));
      const embedded = await run();
      const cluster = await run('--platform', 'cluster', '--config', settings);
      expect(embedded.promotions).toBeGreaterThan(0);
      expect(repeatable(cluster)).toEqual(repeatable(embedded));

      const connection = await mongoose.createConnection(mongodb).asPromise();
      const left = (await connection.listDatabases()).databases.map(({ name }) => name);
      await connection.close();
      expect(left.filter((name) => name.startsWith(database))).toEqual([]);
    },
    MINUTES_10,
  );
});

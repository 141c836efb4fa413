import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describeOnServers, testServers } from '../../../../tools/servers/index.mjs';
import { range } from '../contract/words.js';
import { ClusterPlatform } from './cluster-platform.js';
import { harness } from './cluster.harness.js';
import type { BacklogPart, BacklogSeen } from './backlog.child.js';
import { drops } from './backlog.topic.js';
import type { KafkaOptions, MongoOptions } from './options.js';

const child = fileURLToPath(new URL('backlog.child.js', import.meta.url));
const [EVENTS, EVENT_BYTES, HEAP_MB] = [2_000, 50_000, 48];

describeOnServers('a backlog', await testServers(), () => {
  it('of 100 MB is worked off by a process with a heap of 48 MB', async () => {
    const place = JSON.parse(await harness.place()) as { kafka: KafkaOptions; mongodb: MongoOptions };
    const options = { ...place, partitions: 2 };
    const platform = await ClusterPlatform.open({ ...options, tickEveryMs: null, topics: [drops] });
    const text = 'x'.repeat(EVENT_BYTES);
    for (let from = 0; from < EVENTS; from += 100)
      await platform.append(
        drops,
        range(from, from + 100).map((n) => ({ key: `key ${n % 10}`, text })),
      );
    const reader = fork(child, [JSON.stringify({ options, events: EVENTS } satisfies BacklogPart)], {
      execArgv: [`--max-old-space-size=${HEAP_MB}`],
    });
    const [seen] = (await Promise.race([once(reader, 'message'), once(reader, 'exit')])) as [BacklogSeen];
    expect(seen).toEqual({ events: EVENTS, bytes: EVENTS * EVENT_BYTES, rssMaxBytes: expect.any(Number) as number });
    console.info(`resident at most ${Math.round(seen.rssMaxBytes / 1e6)} MB`);
    expect(seen.rssMaxBytes).toBeLessThan(400_000_000);
    reader.kill('SIGKILL');
    await platform.close();
    await harness.remove(JSON.stringify(place));
  }, 600_000);
});

import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { describeOnServers, testServers } from '../../../../tools/servers/index.mjs';
import { all, byKey, until } from '../contract/harness.js';
import { echoes, range, words } from '../contract/words.js';
import { ClusterPlatform } from './cluster-platform.js';
import { harness } from './cluster.harness.js';
import type { KafkaOptions, MongoOptions } from './options.js';
import type { ReplicaPart } from './takeover.child.js';

const child = fileURLToPath(new URL('takeover.child.js', import.meta.url));
const PARTITIONS = 4;
const KEYS = range(0, 40).map((key) => `key ${key}`);
const TASK = { name: 'test.sums' };

describeOnServers('replicas of a task', await testServers(), () => {
  let place: { kafka: KafkaOptions; mongodb: MongoOptions };
  let outside: ClusterPlatform;
  let replicas: Replica[] = [];
  let said = 0;

  const settings = () => ({ ...place, partitions: PARTITIONS });
  const start = (stop?: ReplicaPart['stop']) => {
    const replica = new Replica({ options: settings(), ...(stop === undefined ? {} : { stop }) });
    replicas.push(replica);
    return replica;
  };
  /** Each key says the next number. */
  const round = async () => {
    said += 1;
    await outside.append(
      words,
      KEYS.map((key) => ({ key, n: said })),
    );
  };
  /** By the commit records: states and events may still be on their way. */
  const workedOff = async () => {
    const lags = (await outside.lag()).filter(({ group }) => group === TASK.name);
    return lags.length > 0 && lags.every(({ lag }) => lag === 0);
  };
  const expectAllOnce = async () => {
    const sums = range(1, said + 1).map((n) => (n * (n + 1)) / 2);
    const last = new Map(KEYS.map((key) => [key, sums.at(-1)]));
    const told = async () => (await all(outside.read(echoes))).length >= KEYS.length * sums.length;
    await until(async () => isDeepStrictEqual(await outside.states(TASK, KEYS), last) && (await told())).catch(
      () => undefined,
    );
    const states = await outside.states<number>(TASK, KEYS);
    expect(states).toEqual(last);
    const heard = await byKey(outside, echoes);
    expect(heard).toEqual(Object.fromEntries(KEYS.map((key) => [key, sums.map((n) => ({ key, n }))])));
  };

  const open = async (changed: Partial<KafkaOptions>) => {
    place = JSON.parse(await harness.place()) as typeof place;
    Object.assign(place.kafka, changed);
    outside = await ClusterPlatform.open({ ...settings(), tickEveryMs: null, topics: [words, echoes] });
    said = 0;
  };
  afterEach(async () => {
    for (const replica of replicas) await replica.kill();
    replicas = [];
    await outside.close();
    await harness.remove(JSON.stringify(place));
  });

  it('share the partitions; when one is killed, another has all of them within 15 s, with their states', async () => {
    // As the settings are where nobody says anything.
    await open({ sessionTimeoutMs: 8_000, heartbeatEveryMs: 1_500, fetchWaitMs: 250 });
    const [first, second] = [start(), start()];
    await until(async () => {
      if (await workedOff()) await round();
      return first.partitions.size > 0 && second.partitions.size > 0;
    }, 180_000);
    await until(workedOff, 30_000);
    await first.kill();
    const killedAt = performance.now();
    second.partitions.clear();
    await round();
    await until(() => second.partitions.size === PARTITIONS, 30_000);
    const seconds = (performance.now() - killedAt) / 1_000;
    console.info(`all partitions after ${seconds.toFixed(1)} s`);
    expect(seconds).toBeLessThan(15);
    await until(workedOff, 30_000);
    await expectAllOnce();
  }, 180_000);

  it.each(['task: folded', 'task: recorded', 'task: states'])(
    'bear one that is held up at "%s" until another has its partitions, and then goes on',
    async (step) => {
      await open({});
      const sleeper = start({ step, nth: 3 });
      await round();
      await until(async () => {
        if (!sleeper.stopped && (await workedOff())) await round();
        return sleeper.stopped;
      }, 180_000);
      start();
      await round();
      await until(workedOff, 60_000);
      await expectAllOnce();
      sleeper.process.kill('SIGCONT');
      await round();
      await until(workedOff, 60_000);
      // Long enough for what the sleeper was about to do.
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await round();
      await until(workedOff, 60_000);
      await expectAllOnce();
    },
    240_000,
  );
});

/** A process of its own. */
class Replica {
  readonly process: ChildProcess;
  /** Those that it has had an event of. */
  readonly partitions = new Set<number>();
  stopped = false;
  readonly #gone: Promise<unknown>;

  constructor(part: ReplicaPart) {
    this.process = spawn(process.execPath, [child, JSON.stringify(part)], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#gone = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      for (const [, partition] of text.matchAll(/partition (\d+)/g)) this.partitions.add(Number(partition));
      if (text.includes('stopped')) this.stopped = true;
    });
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.#gone;
  }
}

import { publish } from '../task.js';
import { all, codeOf, deadLetters, stageOf, until, type PlatformHarness } from './harness.js';
import { echoes, kept, range, say, words, type Word } from './words.js';

const DAY_MS = 86_400_000;

export function letsOthersRead(harness: PlatformHarness): void {
  describe('followings', () => {
    const stage = stageOf(harness);

    it('hand over a topic from its beginning, then live, each partition in order, one event at a time', async () => {
      const { platform } = stage();
      const keys = ['a', 'b', 'c', 'd'];
      const lines = (from: number, to: number) => range(from, to).flatMap((n) => keys.flatMap((key) => say(key, n)));
      await platform.append(words, lines(0, 300));
      const seen: Record<string, number[]> = {};
      const atWork = new Set<number>();
      const following = platform.follow('test.follow', words, async ({ partition, key, event }) => {
        expect(atWork.has(partition)).toBe(false);
        atWork.add(partition);
        if (event.n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
        (seen[key] ??= []).push(event.n);
        atWork.delete(partition);
      });
      await following.caughtUp();
      expect(seen).toEqual(Object.fromEntries(keys.map((key) => [key, range(0, 300)])));
      await platform.append(words, lines(300, 320));
      await following.caughtUp();
      expect(seen['d']).toEqual(range(0, 320));
      await following.stop();
      await platform.append(words, say('a', 999));
      await platform.settled();
      expect(seen['a']).toEqual(range(0, 320));
    });

    it('are each given everything, again after a restart', async () => {
      const counts = { one: 0, two: 0 };
      stage().platform.follow('test.one', words, () => void counts.one++);
      await stage().platform.append(words, say('a', 1, 2, 3));
      stage().platform.follow('test.two', words, () => void counts.two++);
      await stage().platform.settled();
      expect(counts).toEqual({ one: 3, two: 3 });
      await stage().reopen();
      stage().platform.follow('test.one', words, () => void counts.one++);
      await stage().platform.settled();
      expect(counts).toEqual({ one: 6, two: 3 });
    });

    it('pass over an event that still throws after three tries', async () => {
      const { platform } = stage();
      const tries: number[] = [];
      platform.follow('test.follow', words, async ({ event }) => {
        tries.push(event.n);
        if (event.n === 2) throw new Error('two');
      });
      platform.follow('test.sync', words, ({ event }) => {
        if (event.n === 2) throw new Error('two, at once');
        tries.push(event.n * 10);
      });
      await platform.append(words, say('a', 1, 2, 3));
      await platform.settled();
      expect(tries.filter((n) => n < 10)).toEqual([1, 2, 2, 2, 3]);
      expect(tries.filter((n) => n >= 10)).toEqual([10, 30]);
    });
  });

  describe('lag and settled', () => {
    const stage = stageOf(harness);

    it('say how far each group is', async () => {
      const { platform } = stage();
      const positions = await platform.append(words, say('a', 1, 2, 3));
      const partition = positions[0]?.partition ?? 0;
      let stuck = true;
      platform.run({
        name: 'test.task',
        inputs: [words],
        attempts: 9,
        handle: (_: undefined, { n }) => {
          if (n === 3 && stuck) throw new Error('stuck');
          return {};
        },
      });
      const mine = async () =>
        (await platform.lag()).find((lag) => lag.topic === words.name && lag.partition === partition);
      await until(async () => (await mine())?.lag === 1);
      expect(await mine()).toEqual({
        group: 'test.task',
        topic: words.name,
        partition,
        offset: positions[2]?.offset,
        lag: 1,
      });
      stuck = false;
      await platform.settled();
      expect((await mine())?.lag).toBe(0);
    });

    it('wait for everything that follows from what was appended', async () => {
      const { platform } = stage();
      let followed = 0;
      platform.run({
        name: 'test.one',
        inputs: [words],
        handle: (_, event) => ({ publish: [publish(echoes, event)] }),
      });
      platform.run({ name: 'test.three', inputs: [kept], handle: (n: number = 0) => ({ state: n + 1 }) });
      platform.work({
        name: 'test.two',
        input: echoes,
        batch: 10,
        perform: async (records) => ({ publish: [publish(kept, ...records.map(({ event }) => event))] }),
      });
      platform.follow('test.follow', kept, async () => {
        await new Promise((resolve) => setImmediate(resolve));
        followed += 1;
      });
      for (const n of range(1, 40)) {
        await platform.append(words, say('a', n));
        await platform.settled();
        expect([followed, (await platform.states({ name: 'test.three' }, ['a'])).get('a')]).toEqual([n, n]);
      }
    });

    it('resolve at once where nothing is to do', async () => {
      const { platform } = stage();
      await platform.settled();
      platform.run({ name: 'test.task', inputs: [words], handle: () => ({}) });
      await platform.settled();
      await platform.settled();
    });
  });

  describe('what is kept', () => {
    let now = 0;
    const stage = stageOf(harness, { clock: () => now });

    it('is deleted when it is older than its retention and every group has read it, and not before', async () => {
      now = 10 * DAY_MS;
      const { platform } = stage();
      const count = (name: string) =>
        platform.run({ name, inputs: [words], handle: (n: number = 0) => ({ state: n + 1 }) });
      await platform.append(words, say('a', ...range(0, 100)));
      await platform.append(kept, say('a', 1));
      count('test.one');
      await platform.settled();
      const two = count('test.two');
      await platform.settled();
      await two.stop();
      now += 2 * DAY_MS;
      await platform.append(words, say('a', ...range(100, 150)));
      await platform.settled();
      const lying = async () => (await all(platform.read(words))).map(({ event }) => event.n);
      expect(await platform.expire(now - 2 * DAY_MS)).toBe(0);
      expect(await platform.expire(now)).toBe(100);
      expect(await lying()).toEqual(range(100, 150));
      now += 2 * DAY_MS;
      expect(await platform.expire(now)).toBe(0);
      count('test.two');
      await platform.settled();
      expect(await platform.expire(now)).toBe(50);
      expect([await lying(), (await all(platform.read(kept))).length]).toEqual([[], 1]);
    });

    it('lets a new group begin with what is left, and offsets go on', async () => {
      now = 10 * DAY_MS;
      const [first] = await stage().platform.append(words, say('a', ...range(0, 1_000)));
      now += 3 * DAY_MS;
      expect(await stage().platform.expire(now)).toBe(1_000);
      await stage().reopen();
      const [next] = await stage().platform.append(words, say('a', 1_000));
      expect(next?.offset).toBeGreaterThanOrEqual((first?.offset ?? 0) + 1_000);
      const seen: number[] = [];
      stage().platform.run({ name: 'test.task', inputs: [words], handle: (_: undefined, { n }) => (seen.push(n), {}) });
      stage().platform.follow('test.follow', words, ({ event }) => void seen.push(event.n));
      stage().platform.work({
        name: 'test.job',
        input: words,
        perform: async ([record]) => (seen.push(record?.event.n ?? 0), {}),
      });
      await stage().platform.settled();
      expect(seen).toEqual([1_000, 1_000, 1_000]);
    });

    it('is passed over where the original of a dead letter has expired, and the others are given back', async () => {
      now = 10 * DAY_MS;
      const { platform } = stage();
      platform.run({
        name: 'test.task',
        inputs: [words],
        handle: () => ({ refuse: { code: 'NO', reason: 'no', preview: '' } }),
      });
      await platform.append(words, say('a', 1));
      await platform.settled();
      now += 3 * DAY_MS;
      expect(await platform.expire(now)).toBe(1);
      const [letter] = await deadLetters(platform);
      await platform.append(words, say('a', 2));
      await platform.settled();
      const later = (await deadLetters(platform)).slice(1);
      expect(await platform.replayDeadLetters([...(letter === undefined ? [] : [letter]), ...later])).toEqual({
        replayed: 1,
        expired: 1,
      });
    });
  });

  describe('artifacts', () => {
    const stage = stageOf(harness);
    const bytes = new TextEncoder().encode('a model, say');
    const sha256 = 'f8ff4ff32aaee5f4ae3ab3ae8ba2ea3a9eb2ad0c6e5f2d0a13d7e4ac07aa1a2b';

    it('are found by the sha-256 of their content, after a restart too', async () => {
      const name = await stage().platform.artifacts.put(bytes);
      expect(await stage().platform.artifacts.put(Uint8Array.from(bytes))).toBe(name);
      const empty = await stage().platform.artifacts.put(new Uint8Array());
      expect(empty).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
      const { artifacts } = await stage().reopen();
      expect(await artifacts.get(name)).toEqual(bytes);
      expect(await artifacts.get(empty)).toEqual(new Uint8Array());
      expect(await codeOf(artifacts.get(sha256))).toBe('ARTIFACT_NOT_FOUND');
      expect(await codeOf(artifacts.get('../escape'))).toBe('ARTIFACT_NOT_FOUND');
    });

    it('are checked at every read, and whole again once they are put again', async () => {
      const { artifacts } = stage().platform;
      const name = await artifacts.put(bytes);
      await harness.spoil(stage().place, name);
      expect(await codeOf(artifacts.get(name))).toBe('ARTIFACT_CORRUPT');
      expect(await artifacts.put(bytes)).toBe(name);
      expect(await artifacts.get(name)).toEqual(bytes);
    });
  });

  describe('closing', () => {
    const stage = stageOf(harness);

    it('ends what is under way and leaves a place to go on from', async () => {
      const sum = {
        name: 'test.sum',
        inputs: [words],
        handle: (total: number = 0, { n }: Word) => ({ state: total + n }),
      };
      stage().platform.run(sum);
      await stage().platform.append(words, say('a', ...range(0, 3_000)));
      await new Promise((resolve) => setTimeout(resolve, 1));
      const platform = await stage().reopen();
      platform.run(sum);
      await platform.settled();
      expect(await platform.states({ name: 'test.sum' }, ['a'])).toEqual(new Map([['a', (2_999 * 3_000) / 2]]));
    });

    it('can be asked for twice, and refuses work afterwards', async () => {
      const { platform } = stage();
      await Promise.all([platform.close(), platform.close()]);
      expect(await codeOf(platform.append(words, say('a', 1)))).toBe('NOT_READY');
      expect(await codeOf(platform.settled())).toBe('NOT_READY');
    });

    it('is refused for a task that runs already', () => {
      const task = { name: 'test.sum', inputs: [words], handle: () => ({}) };
      stage().platform.run(task);
      expect(() => stage().platform.run(task)).toThrow(RangeError);
      expect(() => stage().platform.work({ name: 'test.sum', input: words, perform: async () => ({}) })).toThrow(
        RangeError,
      );
    });
  });
}

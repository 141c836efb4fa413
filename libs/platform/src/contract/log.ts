import { Worker } from 'node:worker_threads';
import { EVENT_BYTES_MAX } from '@gyre/contracts';
import type { Platform } from '../platform.js';
import { publish } from '../task.js';
import { all, byKey, codeOf, stageOf, type PlatformHarness } from './harness.js';
import { bytes, echoes, range, say, words, type Word } from './words.js';

export function keepsALog(harness: PlatformHarness): void {
  describe('the log', () => {
    const stage = stageOf(harness);

    it('keeps the events of a key in the order in which they were appended, in one partition', async () => {
      const { platform } = stage();
      const keys = ['a', 'b', 'c', 'd', 'e'];
      for (const n of range(0, 40))
        await platform.append(
          words,
          keys.flatMap((key) => say(key, n)),
        );
      expect(await byKey(platform, words)).toEqual(
        Object.fromEntries(keys.map((key) => [key, say(key, ...range(0, 40))])),
      );
      const places = (await all(platform.read(words))).map(({ key, partition }) => `${key} in ${partition}`);
      expect(new Set(places).size).toBe(keys.length);
    });

    it('says where each event came to lie', async () => {
      const { platform } = stage();
      const events = [...say('a', 1, 2), ...say('b', 3), ...say('a', 4)];
      const positions = await platform.append(words, events);
      const records = await all(platform.read(words));
      const found = positions.map(
        ({ partition, offset }) => records.find((r) => r.partition === partition && r.offset === offset)?.event,
      );
      expect(found).toEqual(events);
    });

    it('takes any key and any text', async () => {
      const { platform } = stage();
      platform.run({ name: 'test.last', inputs: [words], handle: (_: number | undefined, { n }) => ({ state: n }) });
      const keys = ['', ' ', 'a\0b', 'a', '😀', '\uffff', "'; --", 'x'.repeat(10_000)];
      await platform.append(
        words,
        keys.map((key, n) => ({ key, n })),
      );
      await platform.settled();
      expect(await byKey(platform, words)).toEqual(Object.fromEntries(keys.map((key, n) => [key, say(key, n)])));
      expect(await platform.states({ name: 'test.last' }, keys)).toEqual(new Map(keys.map((key, n) => [key, n])));
    });

    it('refuses a call with an event that is too large, and appends none of it', async () => {
      const { platform } = stage();
      const large = { key: 'x'.repeat(EVENT_BYTES_MAX), n: 1 };
      expect(await codeOf(platform.append(words, [...say('a', 1), large, ...say('b', 2)]))).toBe('EVENT_TOO_LARGE');
      expect(await codeOf(platform.appendRaw(bytes, [{ key: 'a', bytes: new Uint8Array(EVENT_BYTES_MAX + 1) }]))).toBe(
        'EVENT_TOO_LARGE',
      );
      expect([await all(platform.read(words)), await all(platform.read(bytes))]).toEqual([[], []]);
      await platform.appendRaw(bytes, [{ key: 'a', bytes: new Uint8Array(EVENT_BYTES_MAX) }]);
      expect((await all(platform.read(bytes))).map(({ event }) => event.length)).toEqual([EVENT_BYTES_MAX]);
    });

    it('carries raw bytes as they came', async () => {
      const { platform } = stage();
      const sent = [new Uint8Array([0xff, 0xfe, 0, 0xc3]), new Uint8Array(), new TextEncoder().encode('{"n":1}')];
      await platform.appendRaw(
        bytes,
        sent.map((each) => ({ key: 'k', bytes: each })),
      );
      expect((await all(platform.read(bytes))).map(({ key, event }) => [key, [...event]])).toEqual(
        sent.map((each) => ['k', [...each]]),
      );
    });

    it('reads from an offset on, and up to the end as it was', async () => {
      const { platform } = stage();
      const positions = await platform.append(words, say('a', ...range(0, 1_200)));
      const partition = positions[0]?.partition ?? 0;
      const late: Word[] = [];
      for await (const { event } of platform.read(words, {
        from: new Map([[partition, positions[1_195]?.offset ?? 0]]),
      })) {
        if (late.length === 0) await platform.append(words, say('a', 9_999));
        late.push(event);
      }
      expect(late).toEqual(say('a', 1_195, 1_196, 1_197, 1_198, 1_199));
    });

    it("reads one key's events", async () => {
      const { platform } = stage();
      const keys = range(0, 20).map(String);
      for (const n of range(0, 60))
        await platform.append(
          words,
          keys.flatMap((key) => say(key, n)),
        );
      expect((await all(platform.read(words, { key: '7' }))).map(({ event }) => event)).toEqual(
        say('7', ...range(0, 60)),
      );
      expect(await all(platform.read(words, { key: 'none' }))).toEqual([]);
    });

    it('stamps events with the clock it was given, and keeps all of it over a restart', async () => {
      let now = 1_000;
      await stage().reopen({ clock: () => now });
      await stage().platform.append(words, say('a', 1));
      now = 2_000;
      await stage().platform.append(words, say('a', 2));
      const before = await all(stage().platform.read(words));
      expect(before.map(({ appendedAt }) => appendedAt)).toEqual([1_000, 2_000]);
      await stage().reopen();
      expect(await all(stage().platform.read(words))).toEqual(before);
    });

    it('drops, for every reader, what a producer sends again under the same number, over a restart too', async () => {
      const numbered = (from: number, to: number) =>
        range(from, to).map((n) => ({ sequence: n * 10, event: { key: 'a', n } }));
      let followed: number[] = [];
      const start = (platform: Platform) => {
        followed = [];
        platform.follow('test.follow', words, ({ event }) => void followed.push(event.n));
        platform.run({
          name: 'test.sum',
          inputs: [words],
          handle: (sum: number = 0, { key, n }) => ({ state: sum + n, publish: [publish(echoes, { key, n })] }),
        });
        platform.work<number[], Word>({
          name: 'test.job',
          input: words,
          perform: async ([first], { state = [] }) => ({ state: [...state, first?.event.n ?? 0] }),
        });
      };
      start(stage().platform);
      await stage().platform.appendAs('gateway-1', words, numbered(1, 6));
      await stage().platform.settled();
      await stage().platform.appendAs('gateway-1', words, numbered(3, 9));
      await stage().platform.appendAs('gateway-2', words, numbered(1, 2));
      await stage().platform.settled();
      const platform = await stage().reopen();
      start(platform);
      await platform.appendAs('gateway-1', words, numbered(4, 10));
      await platform.append(words, say('a', 100));
      await platform.settled();
      const once = [1, 2, 3, 4, 5, 6, 7, 8, 1, 9, 100];
      expect(followed).toEqual(once);
      expect((await all(platform.read(echoes))).map(({ event }) => event.n)).toEqual(once);
      expect((await all(platform.read(words))).map(({ event }) => event.n)).toEqual(once);
      expect((await all(platform.scan<number[]>({ name: 'test.job' }))).flatMap(({ state }) => state)).toEqual(once);
      expect(await platform.states({ name: 'test.sum' }, ['a'])).toEqual(new Map([['a', 146]]));
    });

    it('takes appends from other threads of its owner while it works, in the order of each, and settles with them', async () => {
      const { platform } = stage();
      const copy = {
        name: 'test.copy',
        inputs: [words],
        handle: (_: unknown, e: Word) => ({ publish: [publish(echoes, e)] }),
      };
      platform.run(copy);
      const file = new URL('./appending-thread.js', import.meta.url);
      const threads = ['one', 'two'].map((producer) => {
        const worker = new Worker(file, { workerData: { recipe: platform.appenderRecipe(), producer, count: 1_000 } });
        return new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject));
      });
      for (const n of range(0, 300)) {
        await platform.append(words, say('owner', n));
        if (n % 50 === 0) await platform.settled();
        await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(threads);
      await platform.settled();
      expect(await byKey(platform, echoes)).toEqual({
        owner: say('owner', ...range(0, 300)),
        one: say('one', ...range(0, 1_000)),
        two: say('two', ...range(0, 1_000)),
      });
    });
  });
}

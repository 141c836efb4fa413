import { topic, topics } from '@gyre/contracts';
import { z } from 'zod';
import { publish, type Context } from '../task.js';
import { all, byKey, stageOf, type PlatformHarness } from './harness.js';
import { echoes, range, replies, say, words, type Word } from './words.js';

export function foldsTasks(harness: PlatformHarness): void {
  describe('tasks', () => {
    const stage = stageOf(harness);

    it('fold each key into its state and publish, down a chain of tasks and into several of them', async () => {
      const { platform } = stage();
      platform.run({
        name: 'test.sum',
        inputs: [words],
        handle: (sum: number = 0, { key, n }) => ({
          state: sum + n,
          publish: [publish(echoes, { key, n: sum + n }, { key, n: -n })],
        }),
      });
      platform.run({
        name: 'test.double',
        inputs: [echoes],
        handle: (count: number = 0, { key, n }) => ({
          state: count + 1,
          publish: [publish(replies, { key, n: 2 * n })],
        }),
      });
      platform.run({
        name: 'test.least',
        inputs: [echoes],
        handle: (least: number = 0, { n }) => ({ state: Math.min(least, n) }),
      });
      const keys = range(0, 10).map((i) => `key-${i}`);
      for (const n of range(1, 101))
        await platform.append(
          words,
          keys.flatMap((key) => say(key, n)),
        );
      await platform.settled();
      const sums = range(1, 101).map((n) => (n * (n + 1)) / 2);
      const expected = sums.flatMap((sum, i) => [2 * sum, -2 * (i + 1)]);
      expect(await byKey(platform, replies)).toEqual(
        Object.fromEntries(keys.map((key) => [key, say(key, ...expected)])),
      );
      expect(await platform.states({ name: 'test.least' }, keys)).toEqual(new Map(keys.map((key) => [key, -100])));
      expect(await platform.states({ name: 'test.double' }, keys)).toEqual(new Map(keys.map((key) => [key, 200])));
    });

    it('publish more at once than a broker takes in one batch, in order', async () => {
      const { platform } = stage();
      // Three bytes a character, in the key and in the event.
      const long = '長'.repeat(330_000);
      platform.run({
        name: 'test.loud',
        inputs: [words],
        handle: (_: undefined, { n }) => ({ publish: [publish(echoes, ...say(long, ...range(n, n + 5)))] }),
      });
      await platform.append(words, say('a', 1));
      await platform.settled();
      expect((await byKey(platform, echoes))[long]?.map(({ n }) => n)).toEqual(range(1, 6));
    });

    it('go on where they stopped, and begin at the start under a new name', async () => {
      const count = (name: string) => ({ name, inputs: [words], handle: (n: number = 0) => ({ state: n + 1 }) });
      stage().platform.run(count('test.first'));
      await stage().platform.append(words, say('a', 1, 2, 3));
      await stage().platform.settled();
      const platform = await stage().reopen();
      platform.run(count('test.first'));
      const second = platform.run(count('test.second'));
      await platform.append(words, say('a', 4));
      await platform.settled();
      await second.stop();
      await platform.append(words, say('a', 5));
      await platform.settled();
      expect(await platform.states({ name: 'test.first' }, ['a'])).toEqual(new Map([['a', 5]]));
      expect(await platform.states({ name: 'test.second' }, ['a'])).toEqual(new Map([['a', 4]]));
      platform.run(count('test.second'));
      await platform.settled();
      expect(await platform.states({ name: 'test.second' }, ['a'])).toEqual(new Map([['a', 5]]));
    });

    it('fold co-partitioned inputs into one state, the earlier input first', async () => {
      const { platform } = stage();
      await platform.append(echoes, say('a', 1, 2));
      await platform.append(words, say('a', 3, 4));
      platform.run({
        name: 'test.both',
        inputs: [words, echoes],
        handle: (seen: string[] = [], { n }, { topic }: Context) => ({ state: [...seen, `${topic} ${n}`] }),
      });
      await platform.settled();
      await platform.append(echoes, say('a', 5));
      await platform.settled();
      const seen = ['test.words 3', 'test.words 4', 'test.echoes 1', 'test.echoes 2', 'test.echoes 5'];
      expect(await platform.states({ name: 'test.both' }, ['a'])).toEqual(new Map([['a', seen]]));
    });

    it('take both of two topics from one producer, though its numbers run over both', async () => {
      const { platform } = stage();
      platform.run({
        name: 'test.split',
        inputs: [words],
        handle: (_, { key, n }) => ({
          publish: [publish(echoes, { key, n }), publish(replies, { key, n: n + 1_000 })],
        }),
      });
      platform.run({
        name: 'test.join',
        inputs: [replies, echoes],
        handle: (sum: number = 0, { n }) => ({ state: sum + n }),
      });
      await platform.append(words, say('a', ...range(0, 700)));
      await platform.settled();
      expect(await platform.states({ name: 'test.join' }, ['a'])).toEqual(new Map([['a', 699 * 700 + 700_000]]));
    });

    it('know the place and the time of each event', async () => {
      await stage().reopen({ clock: () => 77 });
      const { platform } = stage();
      const contexts: Context[] = [];
      platform.run({
        name: 'test.look',
        inputs: [words],
        stateKey: ({ key }) => `of ${key}`,
        handle: (_: undefined, __, context) => {
          contexts.push(context);
          return {};
        },
      });
      const [position] = await platform.append(words, say('a', 1));
      await platform.settled();
      expect(contexts).toEqual([{ ...position, stateKey: 'of a', appendedAt: 77, now: 0 }]);
    });

    it('keep no states where they say so: nothing is looked up, and one that is set is their fault', async () => {
      const { platform } = stage();
      const seen: unknown[] = [];
      platform.run({
        name: 'test.stateless',
        inputs: [words],
        stateKey: null,
        attempts: 1,
        handle: (state: number | undefined, { key, n }, { stateKey }) => {
          seen.push([state, stateKey]);
          return n === 2 ? { state: n } : { publish: [publish(echoes, { key, n })] };
        },
      });
      await platform.append(words, say('a', 1, 2, 3));
      await platform.settled();
      expect(new Set(seen.map((each) => JSON.stringify(each)))).toEqual(new Set(['[null,null]']));
      expect((await all(platform.read(echoes))).map(({ event }) => event.n)).toEqual([1, 3]);
      expect((await all(platform.read(topics.deadletter))).map(({ event }) => event.reason)).toEqual([
        expect.stringContaining('without a state key'),
      ]);
      expect(await all(platform.scan({ name: 'test.stateless' }))).toEqual([]);
    });

    it('publish what an event was when it was published, though the handler goes on changing it', async () => {
      const { platform } = stage();
      const shared = { key: 'a', n: 0 };
      platform.run({
        name: 'test.careless',
        inputs: [words],
        handle: (_: undefined, { n }) => {
          shared.n = n;
          return { publish: [publish(echoes, shared)] };
        },
      });
      await platform.append(words, say('a', 1, 2, 3));
      await platform.settled();
      expect((await all(platform.read(echoes))).map(({ event }) => event.n)).toEqual([1, 2, 3]);
    });

    it('load and save a state through its codec once per batch', async () => {
      class Sum {
        constructor(public total: bigint) {}
      }
      let saved = 0;
      const sum = {
        name: 'test.big',
        inputs: [words],
        codec: {
          load: (json: unknown) => new Sum(BigInt(json as string)),
          save: (state: Sum) => {
            saved += 1;
            return String(state.total);
          },
        },
        handle: (state: Sum = new Sum(0n), { n }: Word) => {
          state.total += BigInt(n);
          return { state };
        },
      };
      await stage().platform.append(words, say('a', ...range(0, 100)));
      stage().platform.run(sum);
      await stage().platform.settled();
      expect(saved).toBe(1);
      const platform = await stage().reopen();
      platform.run(sum);
      await platform.append(words, say('a', 50));
      await platform.settled();
      expect(await platform.states({ name: 'test.big' }, ['a'])).toEqual(new Map([['a', '5000']]));
    });

    it('keep states until they are deleted, and show all of them', async () => {
      const { platform } = stage();
      platform.run({
        name: 'test.last',
        inputs: [words],
        handle: (_: number | undefined, { n }) => ({ state: n < 0 ? null : n }),
      });
      const keys = range(0, 1_100).map((i) => `key ${i}`);
      await platform.append(
        words,
        keys.map((key, n) => ({ key, n })),
      );
      await platform.append(words, [...say('key 7', -1), ...say('key 8', -1, 88), ...say('new', 5, -1)]);
      await platform.settled();
      const states = new Map(
        (await all(platform.scan<number>({ name: 'test.last' }))).map(({ key, state }) => [key, state]),
      );
      const expected = new Map(keys.map((key, n) => [key, n]));
      expected.delete('key 7');
      expected.set('key 8', 88);
      expect(states).toEqual(expected);
      expect(await platform.states({ name: 'test.last' }, ['key 6', 'key 7', 'new'])).toEqual(new Map([['key 6', 6]]));
      expect(await all(platform.scan({ name: 'test.unknown' }))).toEqual([]);
    });

    it('look states up by the greatest key at or before one, the batch’s own among them', async () => {
      const { platform } = stage();
      const Ask = z.object({ entity: z.string(), at: z.number(), what: z.enum(['put', 'ask', 'drop']) });
      const asks = topic('test.asks', Ask, ({ entity }) => entity, { days: 1 });
      const id = (entity: string, at: number) => `${entity}/${String(at).padStart(6, '0')}`;
      platform.run({
        name: 'test.floor',
        inputs: [asks],
        stateKey: ({ entity, at, what }) =>
          what === 'put' ? id(entity, at) : { prefix: `${entity}/`, atOrBefore: id(entity, at) },
        handle: (state: { at: number } | undefined, { entity, at, what }, { stateKey }) => {
          if (what === 'put') return { state: { at } };
          expect(stateKey).toEqual(state === undefined ? undefined : id(entity, state.at));
          if (what === 'drop') return state === undefined ? {} : { state: null };
          return { publish: [publish(echoes, { key: entity, n: state?.at ?? -1 })] };
        },
      });
      const model = new Map<string, number[]>();
      const expected: Record<string, Word[]> = {};
      let random = 7;
      const below = (limit: number) => (random = (random * 48_271) % 2_147_483_647) % limit;
      const sent = range(0, 3_000).map(() => {
        const entity = ['e', 'ee', 'f', 'é', '😀'][below(5)] as string;
        const event = {
          entity,
          at: below(60),
          what: (['put', 'put', 'ask', 'drop'] as const)[below(4)] as 'put' | 'ask' | 'drop',
        };
        const times = model.get(entity) ?? [];
        const found = Math.max(-1, ...times.filter((at) => at <= event.at));
        if (event.what === 'put') model.set(entity, [...times, event.at]);
        if (event.what === 'drop')
          model.set(
            entity,
            times.filter((at) => at !== found),
          );
        if (event.what === 'ask') (expected[entity] ??= []).push({ key: entity, n: found });
        return event;
      });
      for (let i = 0; i < sent.length; i += 250) {
        await platform.append(asks, sent.slice(i, i + 250));
        if (i % 500 === 0) await platform.settled();
      }
      await platform.settled();
      expect(await byKey(platform, echoes)).toEqual(expected);
    });
  });
}

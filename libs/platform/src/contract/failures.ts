import { topic } from '@gyre/contracts';
import { z } from 'zod';
import { publish } from '../task.js';
import { all, byKey, deadLetters, stageOf, type PlatformHarness } from './harness.js';
import { bytes, echoes, range, say, words, type Word } from './words.js';

export function survivesFailures(harness: PlatformHarness): void {
  describe('failures', () => {
    const stage = stageOf(harness);
    const sumTo = (name: string, check: (n: number) => void, attempts?: number) => ({
      name,
      inputs: [words],
      ...(attempts === undefined ? {} : { attempts }),
      handle: (state: { sum: number } = { sum: 0 }, { key, n }: Word) => {
        state.sum += n;
        check(n);
        return { state, publish: [publish(echoes, { key, n: state.sum })] };
      },
    });

    it('try an event that throws a stated number of times, give it up with its reason, and go on as if it had not been', async () => {
      const { platform } = stage();
      let tries = 0;
      platform.run(
        sumTo(
          'test.sum',
          (n) => {
            if (n !== 1_000) return;
            tries += 1;
            throw new RangeError('a thousand is too much');
          },
          2,
        ),
      );
      const positions = await platform.append(words, [
        ...say('a', 1, 2),
        ...say('a', 1_000),
        ...say('a', 3),
        ...say('b', 4),
      ]);
      await platform.settled();
      expect(tries).toBe(2);
      expect(await byKey(platform, echoes)).toEqual({ a: say('a', 1, 3, 6), b: say('b', 4) });
      const letters = await deadLetters(platform);
      expect(letters.map(({ event }) => event)).toEqual([
        {
          group: 'test.sum',
          code: 'INTERNAL',
          reason: 'RangeError: a thousand is too much',
          ...positions[2],
          key: 'a',
          attempts: 2,
          preview: '{"key":"a","n":1000}',
          occurredAt: expect.any(Number),
        },
      ]);
    });

    it('take an event that throws only for a while, once', async () => {
      const { platform } = stage();
      let tries = 0;
      platform.run(
        sumTo('test.sum', (n) => {
          if (n === 3 && ++tries < 3) throw new Error('not yet');
        }),
      );
      await platform.append(words, say('a', ...range(0, 600)));
      await platform.settled();
      const sums = range(0, 600).map((n) => (n * (n + 1)) / 2);
      expect(await byKey(platform, echoes)).toEqual({ a: say('a', ...sums) });
      expect(await deadLetters(platform)).toEqual([]);
    });

    it('hold up neither other tasks nor other partitions while one waits to try again', async () => {
      const { platform } = stage();
      const attempts = 6;
      let tries = 0;
      platform.run(
        sumTo(
          'test.stuck',
          (n) => {
            if (n !== 13) return;
            tries += 1;
            throw new Error('unlucky');
          },
          attempts,
        ),
      );
      const handled: number[] = [];
      platform.run({ name: 'test.free', inputs: [words], handle: (_: undefined, { n }) => (handled.push(n), {}) });
      const positions = await platform.append(words, [
        ...say('a', 13, 1),
        ...range(0, 20).flatMap((i) => say(`k${i}`, 100 + i)),
      ]);
      const elsewhere = range(0, 20).filter((i) => positions[i + 2]?.partition !== positions[0]?.partition);
      const found = async () => (await all(platform.read(echoes))).length;
      while ((await found()) < elsewhere.length || handled.length < 22)
        await new Promise((resolve) => setTimeout(resolve, 5));
      expect(tries).toBeLessThan(attempts);
      expect(await byKey(platform, echoes)).not.toHaveProperty('a');
      await platform.settled();
      expect(await byKey(platform, echoes)).toMatchObject({ a: say('a', 1) });
    });

    it('try an event again that bears a number of its producer, and pass it over once', async () => {
      const { platform } = stage();
      let tries = 0;
      platform.run(
        sumTo('test.sum', (n) => {
          if (n === 3 && (tries += 1) < 4) throw new Error('three');
        }),
      );
      const numbered = range(0, 6).map((n) => ({ sequence: n, event: { key: 'a', n } }));
      await platform.appendAs('outside', words, numbered);
      await platform.settled();
      await platform.appendAs('outside', words, numbered);
      await platform.settled();
      expect(tries).toBe(3);
      expect(await byKey(platform, echoes)).toEqual({ a: say('a', 0, 1, 3, 7, 12) });
      expect(await deadLetters(platform)).toHaveLength(1);
    });

    it('give up several bad events of a batch, each by itself', async () => {
      const { platform } = stage();
      platform.run(
        sumTo(
          'test.sum',
          (n) => {
            if (n % 10 === 7) throw new Error(`no ${n}`);
          },
          1,
        ),
      );
      await platform.append(words, say('a', ...range(0, 40)));
      await platform.settled();
      expect((await deadLetters(platform)).map(({ event }) => event.reason)).toEqual(
        [7, 17, 27, 37].map((n) => `Error: no ${n}`),
      );
      const good = range(0, 40).filter((n) => n % 10 !== 7);
      expect((await byKey(platform, echoes))['a']).toHaveLength(good.length);
      expect(await platform.states({ name: 'test.sum' }, ['a'])).toEqual(
        new Map([['a', { sum: good.reduce((a, b) => a + b) }]]),
      );
    });

    it('send what is refused to the dead letters, with the effects beside it', async () => {
      const { platform } = stage();
      platform.run({
        name: 'test.strict',
        inputs: [words],
        handle: (refused: number = 0, { n }) =>
          n < 0
            ? {
                state: refused + 1,
                refuse: { code: 'NEGATIVE', reason: `n is ${n}; it must be 0 or more`, preview: 'n'.repeat(3_000) },
              }
            : {},
      });
      await platform.append(words, say('a', 1, -1, 2, -2));
      await platform.settled();
      const letters = (await deadLetters(platform)).map(({ event }) => event);
      expect(letters.map(({ code, reason, attempts, preview }) => [code, reason, attempts, preview.length])).toEqual([
        ['NEGATIVE', 'n is -1; it must be 0 or more', 1, 2_000],
        ['NEGATIVE', 'n is -2; it must be 0 or more', 1, 2_000],
      ]);
      expect(await platform.states({ name: 'test.strict' }, ['a'])).toEqual(new Map([['a', 2]]));
    });

    it('give up at once what does not fit its schema, say what is wrong, and ignore fields that they do not know', async () => {
      const { platform } = stage();
      const loose = topic(words.name, z.object({ key: z.string() }).catchall(z.unknown()), ({ key }) => key, {
        days: 1,
      });
      const handled: unknown[] = [];
      platform.run({ name: 'test.read', inputs: [words], handle: (_: undefined, event) => (handled.push(event), {}) });
      platform.work({ name: 'test.job', input: words, perform: async ([record]) => (handled.push(record?.event), {}) });
      const followed: unknown[] = [];
      platform.follow('test.follow', words, ({ event }) => void followed.push(event));
      await platform.append(loose, [
        { key: 'a', n: 'one' },
        { key: 'a', n: 2, more: true },
      ]);
      await platform.settled();
      expect(handled).toEqual([...say('a', 2), ...say('a', 2)]);
      expect(followed).toEqual(say('a', 2));
      const letters = (await deadLetters(platform)).map(({ event }) => event);
      expect(letters.map(({ group, code, attempts, preview }) => [group, code, attempts, preview]).sort()).toEqual([
        ['test.job', 'UNDECODABLE', 0, '{"key":"a","n":"one"}'],
        ['test.read', 'UNDECODABLE', 0, '{"key":"a","n":"one"}'],
      ]);
      expect(letters[0]?.reason).toContain('n: ');
      expect((await all(platform.read(words))).map(({ event }) => event)).toEqual(say('a', 2));
    });

    it('show nothing of raw bytes: they may be private', async () => {
      const { platform } = stage();
      platform.run({
        name: 'test.raw',
        inputs: [bytes],
        attempts: 1,
        handle: () => {
          throw new Error('no');
        },
      });
      await platform.appendRaw(bytes, [{ key: 'a', bytes: new TextEncoder().encode('secret') }]);
      await platform.settled();
      expect((await deadLetters(platform)).map(({ event }) => event.preview)).toEqual(['(6 bytes, not shown)']);
    });

    it('give up an event whose key and reason are as long as an event may be, and go on', async () => {
      const { platform } = stage();
      const long = 'k'.repeat(999_900);
      platform.run({
        name: 'test.strict',
        inputs: [bytes],
        handle: (_: undefined, { length }) =>
          length > 0 ? {} : { refuse: { code: long, reason: `bad: ${long}`, preview: long } },
      });
      platform.work({
        name: 'test.job',
        input: bytes,
        attempts: 1,
        perform: async ([record]) => {
          if (record?.event.length === 0) throw new Error(`\u0000${long}`);
          return {};
        },
      });
      const [bad] = await platform.appendRaw(bytes, [
        { key: long, bytes: new Uint8Array(0) },
        { key: long, bytes: new Uint8Array(1) },
      ]);
      await platform.settled();
      const letters = (await deadLetters(platform)).map(({ event }) => event);
      expect(letters.map(({ group }) => group).sort()).toEqual(['test.job', 'test.strict']);
      for (const letter of letters) {
        expect(letter).toMatchObject({ ...bad, key: expect.stringMatching(/^k{500,}…$/) as string });
        expect(JSON.stringify(letter).length).toBeLessThan(50_000);
      }
      expect((await platform.lag()).every(({ lag }) => lag === 0)).toBe(true);
    });

    it('give up an event that leaves a state behind that cannot be saved', async () => {
      const { platform } = stage();
      platform.run<{ n: number; self?: unknown }, Word>({
        name: 'test.knot',
        inputs: [words],
        attempts: 2,
        handle: (state = { n: 0 }, { n }) => {
          state.n += n;
          if (n === 40) state.self = state;
          return { state };
        },
      });
      await platform.append(words, say('a', ...range(0, 60)));
      await platform.settled();
      expect((await deadLetters(platform)).map(({ event }) => [event.preview, event.attempts])).toEqual([
        ['{"key":"a","n":40}', 2],
      ]);
      expect(await platform.states({ name: 'test.knot' }, ['a'])).toEqual(new Map([['a', { n: 59 * 30 - 40 }]]));
    });

    it('hand an event that publishes too much to the dead letters', async () => {
      const { platform } = stage();
      platform.run({
        name: 'test.loud',
        inputs: [words],
        attempts: 1,
        handle: (_: undefined, { key, n }) => ({
          publish: [publish(echoes, { key: n === 1 ? 'x'.repeat(1_000_000) : key, n })],
        }),
      });
      await platform.append(words, say('a', 0, 1, 2));
      await platform.settled();
      expect((await deadLetters(platform)).map(({ event }) => event.code)).toEqual(['EVENT_TOO_LARGE']);
      expect(await byKey(platform, echoes)).toEqual({ a: say('a', 0, 2) });
    });
  });
}

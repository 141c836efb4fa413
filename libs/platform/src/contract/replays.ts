import { topic, topics } from '@gyre/contracts';
import { publish, type Context } from '../task.js';
import { all, byKey, codeOf, deadLetters, stageOf, type PlatformHarness } from './harness.js';
import { echoes, say, Word, words } from './words.js';

const DAY_MS = 86_400_000;

export function givesDeadLettersBack(harness: PlatformHarness): void {
  describe('replays of dead letters', () => {
    let now = 10 * DAY_MS;
    const stage = stageOf(harness, { clock: () => now });
    let mended = false;
    beforeEach(() => (mended = false));
    const broken = () => ({
      name: 'test.sum',
      inputs: [words],
      attempts: 1,
      handle: (state: { sum: number } = { sum: 0 }, { key, n }: Word) => {
        if (!mended) throw new Error('broken');
        state.sum += n;
        return { state, publish: [publish(echoes, { key, n: state.sum })] };
      },
    });

    it('give dead letters back to the group that refused them, to no other, as the events that they were', async () => {
      const { platform } = stage();
      const contexts: Context[] = [];
      platform.run({
        name: 'test.broken',
        inputs: [echoes, words],
        attempts: 1,
        handle: (sum: number = 0, { n }, context) => {
          if (n === 5 && !mended) throw new Error('broken');
          if (n === 5) contexts.push(context);
          return { state: sum + n };
        },
      });
      platform.run({ name: 'test.other', inputs: [words], handle: (count: number = 0) => ({ state: count + 1 }) });
      const jobbed: number[] = [];
      platform.work({
        name: 'test.job',
        input: words,
        attempts: 1,
        perform: async ([record]) => {
          if (record?.event.n === 6 && !mended) throw new Error('broken');
          jobbed.push(record?.event.n ?? 0);
          return {};
        },
      });
      const positions = await platform.append(words, say('a', 4, 5, 6));
      await platform.settled();
      mended = true;
      const letters = await deadLetters(platform);
      expect(letters.map(({ event }) => event.group).sort()).toEqual(['test.broken', 'test.job']);
      expect(await platform.replayDeadLetters([...letters, ...letters])).toEqual({ replayed: 2, expired: 0 });
      await platform.settled();
      expect(await platform.states({ name: 'test.broken' }, ['a'])).toEqual(new Map([['a', 15]]));
      expect(await platform.states({ name: 'test.other' }, ['a'])).toEqual(new Map([['a', 3]]));
      expect(contexts).toEqual([expect.objectContaining(positions[1])]);
      expect(jobbed).toEqual([4, 5, 6]);
      expect((await platform.lag()).every(({ lag }) => lag === 0)).toBe(true);
    });

    it('give a letter back once, however often and from wherever it is named', async () => {
      const performed: number[] = [];
      const job = () => ({
        name: 'test.job',
        input: words,
        attempts: 1,
        perform: async ([record]: readonly { event: Word }[]) => {
          if (!mended) throw new Error('broken');
          performed.push(record?.event.n ?? 0);
          return {};
        },
      });
      stage().platform.run(broken());
      stage().platform.work(job());
      await stage().platform.append(words, [...say('a', 5), ...say('b', 6)]);
      await stage().platform.settled();
      mended = true;
      const letters = await deadLetters(stage().platform);
      const replay = () => stage().platform.replayDeadLetters(letters);
      const first = await Promise.all([replay(), replay(), stage().platform.replayDeadLetters(letters.slice(0, 1))]);
      expect(first.reduce((sum, { replayed }) => sum + replayed, 0)).toBe(4);
      await stage().platform.settled();
      expect(await replay()).toEqual({ replayed: 0, expired: 0 });
      await stage().reopen();
      stage().platform.run(broken());
      stage().platform.work(job());
      expect(await replay()).toEqual({ replayed: 0, expired: 0 });
      await stage().platform.settled();
      expect(await byKey(stage().platform, echoes)).toEqual({ a: say('a', 5), b: say('b', 6) });
      expect(performed.sort()).toEqual([5, 6]);
    });

    it('give a dead letter up again under its first place, so that it can be given back again', async () => {
      const { platform } = stage();
      platform.run(broken());
      const [position] = await platform.append(words, say('a', 5));
      await platform.settled();
      await platform.replayDeadLetters((await deadLetters(platform)).slice(0, 1));
      await platform.settled();
      const letters = await deadLetters(platform);
      expect(letters.map(({ event: { topic, partition, offset } }) => ({ topic, partition, offset }))).toEqual([
        position,
        position,
      ]);
      mended = true;
      expect(await platform.replayDeadLetters(letters)).toEqual({ replayed: 1, expired: 0 });
      await platform.settled();
      expect(await byKey(platform, echoes)).toEqual({ a: say('a', 5) });
    });

    it('are kept as long as their originals, and no longer', async () => {
      now = 10 * DAY_MS;
      const { platform } = stage();
      platform.run(broken());
      await platform.append(words, say('a', 1));
      await platform.settled();
      now += DAY_MS / 2;
      await platform.replayDeadLetters(await deadLetters(platform));
      await platform.settled();
      const retries = topic('gyre.retry.test.sum', Word, ({ key }) => key, { days: 1 });
      const lying = async () => [(await all(platform.read(words))).length, (await all(platform.read(retries))).length];
      now += DAY_MS * 0.75;
      await platform.expire(now);
      expect(await lying()).toEqual([0, 1]);
      now += DAY_MS / 2;
      await platform.expire(now);
      expect(await lying()).toEqual([0, 0]);
    });

    it('say so when there is no such dead letter, or nothing behind it, and replay none of the call', async () => {
      const { platform } = stage();
      platform.run(broken());
      await platform.append(words, say('a', 1));
      await platform.settled();
      const [letter] = await deadLetters(platform);
      if (letter === undefined) throw new Error('no dead letter');
      await platform.append(topics.deadletter, [{ ...letter.event, group: '', offset: -1 }]);
      const outside = (await deadLetters(platform)).find(({ event }) => event.group === '');
      expect(await codeOf(platform.replayDeadLetters([letter, { partition: 0, offset: 999 }]))).toBe(
        'DEAD_LETTER_NOT_FOUND',
      );
      expect(await codeOf(platform.replayDeadLetters([letter, outside ?? letter]))).toBe('DEAD_LETTER_NOT_FOUND');
      await platform.settled();
      expect(await deadLetters(platform)).toHaveLength(2);
    });
  });
}

import type { DeadLetter } from '@gyre/contracts';
import type { Recorded } from '../platform.js';
import { publish } from '../task.js';
import { byKey, deadLetters, stageOf, type PlatformHarness } from './harness.js';
import { echoes, range, say, words, type Word } from './words.js';

export function dropsRepeats(harness: PlatformHarness): void {
  describe('distinct', () => {
    const stage = stageOf(harness);
    const accept = (within: number) => ({
      name: 'test.distinct',
      inputs: [words],
      distinct: { id: ({ n }: Word) => (n === 0 ? undefined : String(n)), within },
      handle: (_: undefined, { key, n }: Word) =>
        n < 0
          ? { refuse: { code: 'NEGATIVE', reason: 'below 0', preview: '' } }
          : { publish: [publish(echoes, { key, n })] },
    });
    const accepted = async () => (await byKey(stage().platform, echoes))['a']?.map(({ n }) => n);

    it('drops an id that came lately, but not what bears none or was refused', async () => {
      const { platform } = stage();
      platform.run(accept(100));
      await platform.append(words, say('a', 1, 2, 1, 0, 0, -3, -3));
      await platform.settled();
      await platform.append(words, say('a', 2, 3));
      await platform.settled();
      expect(await accepted()).toEqual([1, 2, 0, 0, 3]);
      expect(await deadLetters(platform)).toHaveLength(2);
    });

    it('remembers over a restart as if there had been none', async () => {
      const sent = range(0, 400).map((i) => (((i * 48_271) % 89) % 23) - 4);
      stage().platform.run(accept(30));
      await stage().platform.append(words, say('a', ...sent));
      await stage().platform.settled();
      const uninterrupted = await accepted();
      const other = await harness.place();
      let platform = await harness.open(other);
      for (let i = 0; i < sent.length; i += 40) {
        platform.run(accept(30));
        await platform.append(words, say('a', ...sent.slice(i, i + 40)));
        await platform.settled();
        await platform.close();
        platform = await harness.open(other);
      }
      const resumed = (await byKey(platform, echoes))['a']?.map(({ n }) => n);
      await platform.close();
      await harness.remove(other);
      expect(resumed).toEqual(uninterrupted);
      expect(uninterrupted?.length).toBeLessThan(sent.filter((n) => n >= 0).length - 100);
    });

    it('remembers over a restart no fewer where a producer sent again', async () => {
      const again = [0, 1].map((sequence) => ({ sequence, event: { key: 'a', n: 11 + sequence } }));
      stage().platform.run(accept(3));
      await stage().platform.append(words, say('a', 1));
      for (let times = 0; times < 5; times++) await stage().platform.appendAs('test', words, again);
      await stage().platform.settled();
      await stage().reopen();
      stage().platform.run(accept(3));
      await stage().platform.append(words, say('a', 1, 2));
      await stage().platform.settled();
      expect(await accepted()).toEqual([1, 11, 12, 2]);
    });

    it('remembers what was decided, whatever would be decided today', async () => {
      const task = (known: number) => ({
        ...accept(100),
        handle: (_: undefined, { key, n }: Word) =>
          n > known
            ? { refuse: { code: 'UNKNOWN', reason: 'not known yet', preview: '' } }
            : { publish: [publish(echoes, { key, n })] },
      });
      stage().platform.run(task(1));
      await stage().platform.append(words, say('a', 1, 2, 2, 3));
      await stage().platform.settled();
      const [two, twoAgain] = (await deadLetters(stage().platform)) as [Recorded<DeadLetter>, Recorded<DeadLetter>];
      await stage().platform.replayDeadLetters([two]);
      await stage().platform.settled();
      await stage().reopen();
      stage().platform.run(task(9));
      await stage().platform.settled();
      await stage().platform.replayDeadLetters((await deadLetters(stage().platform)).slice(-1));
      await stage().platform.append(words, say('a', 1, 3, 3));
      await stage().platform.settled();
      expect((await accepted())?.sort()).toEqual([1, 2, 3]);
      await stage().reopen();
      stage().platform.run(task(0));
      expect((await stage().platform.replayDeadLetters([twoAgain])).replayed).toBe(1);
      await stage().platform.append(words, say('a', 1, 3));
      await stage().platform.settled();
      expect(await deadLetters(stage().platform)).toHaveLength(4);
    });

    it('forgets an id after so many events', async () => {
      const { platform } = stage();
      platform.run(accept(3));
      await platform.append(words, say('a', 1, 2, 3, 1, 4, 5, 6, 1));
      await platform.settled();
      expect(await accepted()).toEqual([1, 2, 3, 4, 5, 6, 1]);
    });
  });
}

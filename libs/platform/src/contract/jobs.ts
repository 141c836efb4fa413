import { publish } from '../task.js';
import type { Job, JobEffects } from '../job.js';
import { all, byKey, deadLetters, stageOf, until, type PlatformHarness } from './harness.js';
import { echoes, range, say, words, type Word } from './words.js';

export function worksOnJobs(harness: PlatformHarness): void {
  describe('jobs', () => {
    const stage = stageOf(harness);
    const short = () => new Promise((resolve) => setTimeout(resolve, 1));

    it('work on what they want, one event at a time, with a state for each partition', async () => {
      const { platform } = stage();
      let atWork = 0;
      platform.work<number[], Word>({
        name: 'test.job',
        input: words,
        wants: ({ n }) => n % 3 === 0,
        perform: async (records, { state = [] }) => {
          expect([records.length, ++atWork]).toEqual([1, 1]);
          await short();
          atWork -= 1;
          const [{ event }] = records as unknown as [{ event: Word }];
          return { state: [...state, event.n], publish: [publish(echoes, { key: event.key, n: event.n * 2 })] };
        },
      });
      await platform.append(words, say('a', ...range(0, 30)));
      await platform.settled();
      const wanted = range(0, 10).map((n) => n * 3);
      expect(await byKey(platform, echoes)).toEqual({ a: say('a', ...wanted.map((n) => 2 * n)) });
      expect((await all(platform.scan({ name: 'test.job' }))).map(({ state }) => state)).toEqual([wanted]);
    });

    it('wait until enough is there, take at most a batch, and are not behind with what waits', async () => {
      const batches: number[][] = [];
      const job: Job<undefined, Word> = {
        name: 'test.job',
        input: words,
        batch: 6,
        batchMin: 4,
        wants: ({ n }) => n >= 0,
        perform: async (records) => {
          batches.push(records.map(({ event }) => event.n));
          return {};
        },
      };
      stage().platform.work(job);
      const give = async (...numbers: number[]) => {
        await stage().platform.append(words, say('a', ...numbers));
        await stage().platform.settled();
        expect((await stage().platform.lag()).filter(({ lag }) => lag > 0)).toEqual([]);
      };
      await give(-1, 1, 2, -1, 3);
      expect(batches).toEqual([]);
      const [place] = (await stage().platform.lag()).filter(({ offset }) => offset > 0);
      expect(place?.offset).toBe(1);
      await give(-1, 4, 5);
      expect(batches).toEqual([[1, 2, 3, 4, 5]]);
      await stage().reopen();
      stage().platform.work(job);
      await give(...range(6, 19));
      expect(batches.slice(1)).toEqual([range(6, 12), range(12, 18)]);
    });

    it('take whole batches, longer than what is read at once', async () => {
      const { platform } = stage();
      const batches: number[] = [];
      await platform.append(words, say('a', ...range(0, 1_000)));
      platform.work({
        name: 'test.job',
        input: words,
        batch: 300,
        batchMin: 10,
        perform: async (records) => {
          batches.push(records.length);
          return { publish: [publish(echoes, ...records.map(({ event }) => event))] };
        },
      });
      await platform.settled();
      expect(batches).toEqual([300, 300, 300, 100]);
      expect((await byKey(platform, echoes))['a']).toEqual(say('a', ...range(0, 1_000)));
    });

    it('are behind while they work', async () => {
      const { platform } = stage();
      const started: (() => void)[] = [];
      platform.work({
        name: 'test.job',
        input: words,
        perform: () => new Promise<JobEffects<undefined>>((resolve) => void started.push(() => resolve({}))),
      });
      await platform.append(words, say('a', 1, 2));
      const behind = async () => (await platform.lag()).reduce((sum, { lag }) => sum + lag, 0);
      let settled = false;
      const whenSettled = platform.settled().then(() => (settled = true));
      await until(() => started.length === 1);
      expect([await behind(), settled]).toEqual([2, false]);
      started[0]?.();
      await until(() => started.length === 2);
      expect([await behind(), settled]).toEqual([1, false]);
      started[1]?.();
      await whenSettled;
      expect(await behind()).toBe(0);
    });

    it('are tried again when they throw, and then give the batch up', async () => {
      const { platform } = stage();
      const tries: number[] = [];
      platform.work<number, Word>({
        name: 'test.job',
        input: words,
        batch: 2,
        attempts: 2,
        perform: async (records, { state = 0 }) => {
          tries.push(records[0]?.event.n ?? 0);
          if (records[0]?.event.n === 3) throw new Error('three');
          if (records[0]?.event.n === 5 && tries.at(-2) !== 5) throw new Error('five');
          return { state: state + records.length };
        },
      });
      await platform.append(words, say('a', 1, 2, 3, 4, 5, 6));
      await platform.settled();
      expect(tries).toEqual([1, 3, 3, 5, 5]);
      expect((await all(platform.scan({ name: 'test.job' }))).map(({ state }) => state)).toEqual([4]);
      const letters = (await deadLetters(platform)).map(({ event }) => event);
      expect(letters.map(({ preview, attempts, reason }) => [preview, attempts, reason])).toEqual([
        ['{"key":"a","n":3}', 2, 'Error: three'],
        ['{"key":"a","n":4}', 2, 'Error: three'],
      ]);
    });

    it('wait for what is no fault of an event to pass, and give nothing up for it', async () => {
      const { platform } = stage();
      const full = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      const failures = [
        full(),
        new Error('IO Error: Could not write to file "p0": No space left on device'),
        new Error('it could not be written', { cause: full() }),
        new Error('the event is bad'),
      ];
      let tries = 0;
      platform.work({
        name: 'test.job',
        input: words,
        attempts: 2,
        perform: async ([record]) => {
          const failure = failures[tries++];
          if (failure !== undefined) throw failure;
          return { publish: record === undefined ? [] : [publish(echoes, record.event)] };
        },
      });
      await platform.append(words, say('a', 1));
      await until(() => tries > 1);
      expect((await platform.lag()).reduce((sum, { lag }) => sum + lag, 0)).toBe(1);
      await platform.settled();
      expect(tries).toBe(5);
      expect(await deadLetters(platform)).toEqual([]);
      expect(await byKey(platform, echoes)).toEqual({ a: say('a', 1) });
    });

    it('end their batch when they are stopped', async () => {
      const { platform } = stage();
      let started = false;
      const running = platform.work({
        name: 'test.job',
        input: words,
        perform: async ([record], { signal }) => {
          started = true;
          await new Promise((resolve) => setTimeout(resolve, 50));
          expect(signal.aborted).toBe(false);
          return { publish: record === undefined ? [] : [publish(echoes, record.event)] };
        },
      });
      await platform.append(words, say('a', 1, 2, 3));
      await until(() => started);
      await running.stop();
      expect(await byKey(platform, echoes)).toEqual({ a: say('a', 1) });
    });

    it('are told when the platform closes; what they then return counts for nothing and is worked on again', async () => {
      const job = (work: (signal: AbortSignal) => Promise<void>): Job<number, Word> => ({
        name: 'test.job',
        input: words,
        perform: async ([record], { signal, state = 0 }) => {
          await work(signal);
          return { state: state + 1, publish: record === undefined ? [] : [publish(echoes, record.event)] };
        },
      });
      let told = false;
      let started = false;
      const untilTold = (signal: AbortSignal) =>
        new Promise<void>((resolve) => {
          started = true;
          signal.addEventListener('abort', () => {
            told = true;
            resolve();
          });
        });
      stage().platform.work(job(untilTold));
      await stage().platform.append(words, say('a', 1, 2));
      await until(() => started);
      await stage().reopen();
      expect(told).toBe(true);
      expect(await byKey(stage().platform, echoes)).toEqual({});
      stage().platform.work(job(short as () => Promise<void>));
      await stage().platform.settled();
      expect(await byKey(stage().platform, echoes)).toEqual({ a: say('a', 1, 2) });
      expect((await all(stage().platform.scan({ name: 'test.job' }))).map(({ state }) => state)).toEqual([2]);
    });
  });
}

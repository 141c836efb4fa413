import { publish } from '../task.js';
import { all, byKey, deadLetters, stageOf, until, type PlatformHarness } from './harness.js';
import { bytes, echoes, range, replies, say, words, type Word } from './words.js';

interface Timer {
  at: number;
  woken: number[];
}

/** n is the time to be woken at; 0 cancels, below 0 deletes the state. */
const timer = (name: string, renew: (state: Timer) => number | null | undefined = () => undefined) => ({
  name,
  inputs: [words],
  handle: (state: Timer = { at: 0, woken: [] }, { n }: Word) =>
    n < 0 ? { state: null } : { state: { ...state, at: n }, wakeAt: n === 0 ? null : n },
  wake: (state: Timer, { stateKey, now }: { stateKey: string; now: number }) => {
    state.woken.push(now);
    const next = renew(state);
    return {
      state,
      publish: [publish(echoes, { key: stateKey, n: state.at })],
      ...(next === undefined ? {} : { wakeAt: next }),
    };
  },
});

export function tellsTheTime(harness: PlatformHarness): void {
  describe('time', () => {
    const stage = stageOf(harness);
    const woken = async (name: string) =>
      Object.fromEntries(
        (await all(stage().platform.scan<Timer>({ name }))).map(({ key, state }) => [key, state.woken]),
      );
    const tick = async (time: number) => {
      await stage().platform.tick(time);
      await stage().platform.settled();
    };

    it('is not told to raw topics, where it might be an outside producer who says it', () => {
      const task = { ...timer('test.timer'), inputs: [bytes], handle: () => ({}) };
      expect(() => stage().platform.run(task)).toThrow(RangeError);
    });

    it('wakes each state once, when its time has come and not before', async () => {
      stage().platform.run(timer('test.timer'));
      await stage().platform.append(words, [...say('a', 100), ...say('b', 200), ...say('c', 201)]);
      await stage().platform.settled();
      await tick(99);
      expect(await woken('test.timer')).toEqual({ a: [], b: [], c: [] });
      await tick(200);
      await tick(200);
      expect(await woken('test.timer')).toEqual({ a: [200], b: [200], c: [] });
      const platform = await stage().reopen();
      platform.run(timer('test.timer'));
      await tick(300);
      await tick(400);
      expect(await woken('test.timer')).toEqual({ a: [200], b: [200], c: [300] });
    });

    it('wakes at the next tick and not before, though time has long passed, restarts or not', async () => {
      const soon = {
        name: 'test.soon',
        inputs: [words],
        handle: (state: Timer = { at: 0, woken: [] }, { n }: Word) => ({
          state: { ...state, at: n },
          wakeAt: 'nextTick' as const,
        }),
        wake: (state: Timer, { now }: { now: number }) => ({ state: { ...state, woken: [...state.woken, now] } }),
      };
      stage().platform.run(soon);
      await tick(5_000);
      await stage().platform.append(words, say('a', 1));
      await stage().platform.settled();
      expect(await woken('test.soon')).toEqual({ a: [] });
      await tick(5_000);
      expect(await woken('test.soon')).toEqual({ a: [] });
      await tick(5_001);
      expect(await woken('test.soon')).toEqual({ a: [5_001] });
      await stage().platform.append(words, say('a', 2));
      const platform = await stage().reopen();
      platform.run(soon);
      await stage().platform.settled();
      expect(await woken('test.soon')).toEqual({ a: [5_001] });
      await tick(6_000);
      expect(await woken('test.soon')).toEqual({ a: [5_001, 6_000] });
    });

    it('wakes in the order of time and key, though hundreds are due', async () => {
      const { platform } = stage();
      const place = (n: number) => ({ at: Math.floor(n / 3), key: `s${String((n * 37) % 1_700).padStart(4, '0')}` });
      platform.run({
        name: 'test.timer',
        inputs: [words],
        stateKey: ({ n }) => place(n).key,
        handle: (_: Word | undefined, event) => ({ state: event, wakeAt: place(event.n).at }),
        wake: (event) => ({ publish: [publish(echoes, event)] }),
      });
      const sent = range(1, 1_700).map((i) => (i * 7_919) % 1_700);
      await platform.append(words, say('a', ...sent));
      await platform.settled();
      await tick(10_000);
      const order = (await all(platform.read(echoes))).map(({ event }) => place(event.n));
      const expected = sent.map(place).sort((a, b) => a.at - b.at || (a.key < b.key ? -1 : 1));
      expect(order).toEqual(expected);
    });

    it('wakes again when the wish is renewed, as often as is due', async () => {
      stage().platform.run(timer('test.hourly', (state) => (state.at += 100)));
      await stage().platform.append(words, [...say('a', 100), ...say('b', 150)]);
      await stage().platform.settled();
      await tick(320);
      expect(await woken('test.hourly')).toEqual({ a: [320, 320, 320], b: [320, 320] });
      await tick(400);
      expect(await woken('test.hourly')).toEqual({ a: [320, 320, 320, 400], b: [320, 320, 400] });
    });

    it('wakes no state whose wish was cancelled, replaced or deleted with it', async () => {
      stage().platform.run(timer('test.timer'));
      await stage().platform.append(words, [
        ...say('a', 100, 0),
        ...say('b', 100, 300),
        ...say('c', 100, -1),
        ...say('d', 300, 100),
      ]);
      await stage().platform.settled();
      await tick(200);
      expect(await woken('test.timer')).toEqual({ a: [], b: [], d: [200] });
      await stage().platform.append(words, say('c', 900));
      await tick(300);
      expect(await woken('test.timer')).toEqual({ a: [], b: [300], c: [], d: [200] });
    });

    it('wakes by a time told before the wish was made', async () => {
      await tick(500);
      stage().platform.run(timer('test.timer'));
      await stage().platform.append(words, [...say('a', 400), ...say('b', 600)]);
      await stage().platform.settled();
      expect(await woken('test.timer')).toEqual({ a: [500], b: [] });
    });

    it('does not go back, over a restart neither', async () => {
      stage().platform.run(timer('test.timer'));
      await stage().platform.append(words, say('a', 100));
      await stage().platform.settled();
      await tick(300);
      await stage().platform.append(words, say('b', 250));
      await tick(260);
      await tick(100);
      expect(await woken('test.timer')).toEqual({ a: [300], b: [300] });
      const platform = await stage().reopen();
      platform.run(timer('test.timer'));
      await tick(260);
      // Some of these lie in partitions where nobody has waited for a tick before.
      const keys = range(0, 12).map((n) => `key ${n}`);
      await platform.append(
        words,
        keys.flatMap((key) => say(key, 290)),
      );
      await platform.append(words, say('d', 310));
      await platform.settled();
      const late = Object.fromEntries(keys.map((key) => [key, [300]]));
      expect(await woken('test.timer')).toEqual({ a: [300], b: [300], d: [], ...late });
    });

    it('passes a task with two inputs when both have been told', async () => {
      const both = { ...timer('test.both'), inputs: [words, replies] };
      stage().platform.run({ ...both, wake: (state: Timer) => ({ state: { ...state, woken: [...state.woken, 1] } }) });
      stage().platform.run(timer('test.one'));
      await stage().platform.append(words, say('a', 100));
      await stage().platform.append(replies, say('b', 100));
      await stage().platform.settled();
      await tick(200);
      expect(await woken('test.both')).toEqual({ a: [1], b: [1] });
      expect(await woken('test.one')).toEqual({ a: [200] });
    });

    it('wakes after everything that came before it, in either input', async () => {
      const { platform } = stage();
      platform.run({ ...timer('test.both'), inputs: [words, replies] });
      await platform.append(words, [...say('a', 100), ...say('b', 100)]);
      await platform.settled();
      const cancelled = platform.append(replies, say('a', 0));
      await Promise.all([cancelled, cancelled.then(() => platform.tick(200))]);
      await platform.settled();
      expect(await woken('test.both')).toEqual({ a: [], b: [200] });
    });

    it('is seen by nobody who reads, and leaves nobody behind', async () => {
      const followed: Word[] = [];
      stage().platform.follow('test.follow', words, ({ event }) => void followed.push(event));
      stage().platform.run(timer('test.timer', (state) => (state.at += 1)));
      stage().platform.run({ name: 'test.count', inputs: [words], handle: (n: number = 0) => ({ state: n + 1 }) });
      stage().platform.work({ name: 'test.job', input: words, perform: async () => ({}) });
      await stage().platform.append(words, say('a', 1));
      await stage().platform.settled();
      for (const time of range(1, 20)) await tick(time);
      expect(followed).toEqual(say('a', 1));
      expect(await byKey(stage().platform, words)).toEqual({ a: say('a', 1) });
      expect(await stage().platform.states({ name: 'test.count' }, ['a'])).toEqual(new Map([['a', 1]]));
      expect((await stage().platform.lag()).filter(({ lag }) => lag !== 0)).toEqual([]);
    });

    it('gives a waking that throws up after its tries, with the state as it was', async () => {
      stage().platform.run({
        ...timer('test.timer'),
        attempts: 2,
        wake: (state: Timer, { stateKey, now }) => {
          state.woken.push(now);
          if (stateKey === 'b') throw new Error('will not rise');
          return { state };
        },
      });
      await stage().platform.append(words, [...say('a', 100), ...say('b', 100), ...say('c', 100)]);
      await stage().platform.settled();
      await tick(100);
      await tick(200);
      expect(await woken('test.timer')).toEqual({ a: [100], b: [], c: [100] });
      const letters = (await deadLetters(stage().platform)).map(({ event }) => event);
      expect(letters.map(({ group, key, offset, attempts, reason }) => [group, key, offset, attempts, reason])).toEqual(
        [['test.timer', 'b', -1, 2, 'waking b: Error: will not rise']],
      );
    });

    it('comes by itself where the platform is live', async () => {
      expect(stage().platform.live).toBe(false);
      const platform = await stage().reopen({ tickEveryMs: 10 });
      expect(platform.live).toBe(true);
      platform.run(timer('test.timer'));
      await platform.append(words, say('a', Date.now() + 50));
      await until(async () => ((await woken('test.timer'))['a']?.length ?? 0) > 0);
    });
  });
}

import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Part } from './actor.js';
import { circleOrders, circleReport, orders, runCircle } from './circle.js';
import { codeOf, type PlatformHarness } from './harness.js';

const COUNT = 600;

/** Kills real processes in the middle of a circle of tasks, has another go on, and compares with a run in which nobody died. */
export function survivesDeaths(harness: PlatformHarness): void {
  describe('deaths', () => {
    const seed = Number(process.env['GYRE_SEED'] ?? randomInt(1_000_000_000));
    const random = generator(seed);
    const places: string[] = [];
    let unharmed: unknown;
    /** How often each step comes in a run without deaths, by whether it sends the orders itself. */
    const steps = new Map<string, number>();

    const place = async () => {
      const made = await harness.place();
      places.push(made);
      return made;
    };
    /** A place where the orders lie already. */
    const ordered = async () => {
      const made = await place();
      const platform = await harness.open(made);
      await platform.append(orders, circleOrders(COUNT));
      await platform.close();
      return made;
    };
    /** Runs the circle to its end in this process. */
    const finish = async (on: string, send = 0) => {
      const platform = await harness.open(on);
      await runCircle(platform, { send: circleOrders(send) });
      const report = await circleReport(platform);
      await platform.close();
      return report;
    };
    const children: Child[] = [];
    const child = (part: Part) => {
      const started = new Child(harness.module, part);
      children.push(started);
      return started;
    };

    beforeAll(async () => {
      const on = await ordered();
      const platform = await harness.open(on, { onStep: (step) => steps.set(step, (steps.get(step) ?? 0) + 1) });
      await runCircle(platform);
      unharmed = await circleReport(platform);
      await platform.close();
    });
    afterEach(async () => {
      for (const each of children.splice(0)) each.process.kill('SIGKILL');
      for (const each of places.splice(0)) await harness.remove(each);
    });

    it('have something to spoil: the unharmed run has done all of its work once', () => {
      const { finished, letters, states } = unharmed as {
        finished: { count: number };
        letters: string[];
        states: Record<string, string[]>;
      };
      expect(letters).toHaveLength(2);
      expect(finished.count).toBe(
        circleOrders(COUNT).filter(({ id }, i, list) => !id.endsWith('9') && list.findIndex((o) => o.id === id) === i)
          .length - 2,
      );
      expect(
        states['circle.take']?.every((state) => state.includes('"outOfOrder":0') && state.includes('"woken":1')),
      ).toBe(true);
    });

    it.each([...harness.steps.task, ...harness.steps.job])('leave no trace: killed at "%s"', async (step) => {
      const on = await ordered();
      for (let life = 0; life < 2; life++) {
        const nth = life === 0 ? 1 + Math.floor(random() * 0.7 * (steps.get(step) ?? 1)) : 1;
        const killed = child({ place: on, send: 0, jobMs: 0, die: { step, nth } });
        expect(await killed.ended()).toBe('SIGKILL');
      }
      expect(await finish(on)).toEqual(unharmed);
    });

    it.each(harness.steps.append)('leave no trace: a producer killed at "%s" sends again', async (step) => {
      const on = await place();
      const killed = child({ place: on, send: COUNT, jobMs: 0, die: { step, nth: 2 + Math.floor(random() * 6) } });
      expect(await killed.ended()).toBe('SIGKILL');
      expect(await finish(on, COUNT)).toEqual(unharmed);
    });

    it(`leave no trace: killed at random moments, again and again (GYRE_SEED=${seed})`, async () => {
      const on = await place();
      let deaths = 0;
      for (let life = 0; life < 6; life++) {
        const killed = child({ place: on, send: COUNT, jobMs: 1 });
        await killed.says('open');
        await new Promise((resolve) => setTimeout(resolve, random() * 150));
        killed.process.kill('SIGKILL');
        if ((await killed.ended()) === 'SIGKILL') deaths += 1;
      }
      expect(deaths).toBeGreaterThan(0);
      expect(await finish(on, COUNT)).toEqual(unharmed);
    });

    it('leave no trace: killed in the middle of a job', async () => {
      const on = await ordered();
      const killed = child({ place: on, send: 0, jobMs: 30 });
      await killed.says('working');
      await new Promise((resolve) => setTimeout(resolve, 100));
      killed.process.kill('SIGKILL');
      expect(await killed.ended()).toBe('SIGKILL');
      expect(await finish(on)).toEqual(unharmed);
    });

    it(`are told from sleep: a second owner of the same data ${harness.secondOwner}`, async () => {
      const on = await ordered();
      const sleeper = child({ place: on, send: 0, jobMs: 20 });
      await sleeper.says('working');
      sleeper.process.kill('SIGSTOP');
      if (harness.secondOwner === 'refused') {
        expect(await codeOf(harness.open(on))).toBe('DATA_DIR_IN_USE');
        await expect(harness.open(on)).rejects.toThrow(String(sleeper.process.pid));
        sleeper.process.kill('SIGCONT');
        expect(await sleeper.ended()).toBe(0);
      } else {
        expect(await finish(on)).toEqual(unharmed);
        sleeper.process.kill('SIGCONT');
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        sleeper.process.kill('SIGKILL');
        await sleeper.ended();
      }
      expect(await finish(on)).toEqual(unharmed);
    });
  });
}

/** A process of its own that plays a part. */
class Child {
  readonly process: ChildProcess;
  #output = '';
  readonly #closed: Promise<NodeJS.Signals | number | null>;

  constructor(module: string, part: Part) {
    const actor = fileURLToPath(new URL('./actor.js', import.meta.url));
    const node = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', actor, module, JSON.stringify(part)],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    this.process = node;
    let errors = '';
    node.stdout.on('data', (data: Buffer) => (this.#output += data.toString()));
    node.stderr.on('data', (data: Buffer) => (errors += data.toString()));
    this.#closed = new Promise((resolve, reject) => {
      node.on('close', (code, signal) => {
        if (code === 0 || signal === 'SIGKILL') resolve(signal ?? code);
        else reject(new Error(`the child ended with ${code ?? signal}: ${errors}`));
      });
    });
    this.#closed.catch(() => undefined);
  }

  /** How it ended: 0 or SIGKILL. */
  ended(): Promise<NodeJS.Signals | number | null> {
    return this.#closed;
  }

  async says(word: string): Promise<void> {
    while (!this.#output.includes(word)) {
      const ended = await Promise.race([
        this.#closed,
        new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 2)),
      ]);
      if (ended !== undefined && !this.#output.includes(word))
        throw new Error(`the child ended (${ended}) without saying ${word}`);
    }
  }
}

/** Park and Miller's minimal standard: the same numbers for the same seed, in [0, 1). */
function generator(seed: number): () => number {
  let state = (Math.abs(Math.trunc(seed)) % 2_147_483_646) + 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

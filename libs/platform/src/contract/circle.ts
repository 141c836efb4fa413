import { topic, topics } from '@gyre/contracts';
import { z } from 'zod';
import type { Platform } from '../platform.js';
import { publish, type Task } from '../task.js';
import { all, byKey } from './harness.js';
import { range } from './words.js';

/** Work for the tests that kill: a little circle of tasks, a job and time, whose end does not depend on how it is cut into batches. */
const Order = z.object({ key: z.string(), id: z.string(), n: z.number() });
export type Order = z.infer<typeof Order>;
const Line = Order.extend({ part: z.enum(['first', 'second', 'woken', 'done']) });
type Line = z.infer<typeof Line>;

const days = { days: 1 };
export const orders = topic('circle.orders', Order, ({ key }) => key, days);
const lines = topic('circle.lines', Line, ({ key }) => key, days);
const totals = topic('circle.totals', Line, ({ key }) => key, days);
const ends = topic('circle.ends', Line, ({ key }) => key, days);

/** This one throws. */
const POISON = 13;
/** This one is refused. */
const REFUSED = 17;

interface Count {
  count: number;
  sum: number;
  last: number;
  outOfOrder: number;
  woken: number;
}

const begun: Count = { count: 0, sum: 0, last: -1, outOfOrder: 0, woken: 0 };

const take: Task<Count, Order> = {
  name: 'circle.take',
  inputs: [orders],
  distinct: { id: ({ id }) => id, within: 1_000 },
  handle: (state = { ...begun }, { key, id, n }) => {
    if (n === REFUSED) return { refuse: { code: 'SEVENTEEN', reason: 'it is seventeen', preview: id } };
    state.count += 1;
    state.sum += n;
    if (n <= state.last) state.outOfOrder += 1;
    state.last = n;
    if (n === POISON) throw new Error('unlucky');
    return {
      state,
      wakeAt: 1_000 + n,
      publish: [publish(lines, { key, id, n, part: 'first' }, { key, id, n: state.sum, part: 'second' })],
    };
  },
  wake: (state, { stateKey, now }) => {
    state.woken += 1;
    return { state, publish: [publish(ends, { key: stateKey, id: `woken ${state.woken}`, n: now, part: 'woken' })] };
  },
};

const total: Task<Count, Line> = {
  name: 'circle.total',
  inputs: [lines],
  stateKey: ({ key, part }) => `${key}/${part}`,
  handle: (state = { ...begun }, line) => {
    state.count += 1;
    state.sum += line.n;
    if (line.n <= state.last) state.outOfOrder += 1;
    state.last = line.n;
    return { state, publish: line.part === 'second' ? [publish(totals, { ...line, n: state.sum })] : [] };
  },
};

const compare: Task<Record<string, number>, Order | Line> = {
  name: 'circle.compare',
  inputs: [orders, lines],
  handle: (state = { [orders.name]: 0, [lines.name]: 0 }, { n }, { topic }) => ({
    state: { ...state, [topic]: (state[topic] ?? 0) + n },
  }),
};

/** Orders for the circle, a key's numbers rising, every twentieth sent twice; with poison and refusals among them. */
export function circleOrders(count: number): Order[] {
  return range(0, count).flatMap((i) => {
    const key = `key ${(i * 7) % 11}`;
    const order = { key, id: `${key}-${i}`, n: i };
    return i % 20 === 3 ? [order, order] : [order];
  });
}

export interface CircleOptions {
  /** Sent again from the beginning by whoever goes on: under a producer's numbers, 50 at a time, while the circle runs. */
  send?: readonly Order[];
  /** How long the job works on each batch. */
  jobMs?: number;
  /** Tries of an order; default 2. */
  attempts?: number;
}

/** Runs the circle until all is done. */
export async function runCircle(
  platform: Platform,
  { send = [], jobMs = 0, attempts = 2 }: CircleOptions = {},
): Promise<void> {
  platform.run({ ...take, attempts });
  platform.run(total);
  platform.run(compare);
  platform.work<{ count: number; sum: number }, Line>({
    name: 'circle.finish',
    input: totals,
    batch: 5,
    wants: ({ id }) => !id.endsWith('9'),
    perform: async (records, { state = { count: 0, sum: 0 } }) => {
      if (jobMs > 0) await new Promise((resolve) => setTimeout(resolve, jobMs));
      const sum = records.reduce((all, { event }) => all + event.n, state.sum);
      await platform.artifacts.put(new TextEncoder().encode(records.map(({ event }) => event.id).join()));
      return {
        state: { count: state.count + records.length, sum },
        publish: [publish(ends, ...records.map(({ event }): Line => ({ ...event, part: 'done' })))],
      };
    },
  });
  for (let i = 0; i < send.length; i += 50) {
    await platform.appendAs(
      'outside',
      orders,
      send.slice(i, i + 50).map((event, j) => ({ sequence: i + j, event })),
    );
    if (i % 200 === 0) await platform.settled();
  }
  await platform.settled();
  await platform.tick(100_000);
  await platform.settled();
}

/** All that the circle has come to, in a form that two runs can be compared by. */
export async function circleReport(platform: Platform): Promise<unknown> {
  const states: Record<string, unknown> = {};
  for (const name of ['circle.take', 'circle.total', 'circle.compare']) {
    const all = [];
    for await (const { key, state } of platform.scan({ name })) all.push([key, JSON.stringify(state)].join(' '));
    states[name] = all.sort();
  }
  const finished = await all(platform.scan<{ count: number; sum: number }>({ name: 'circle.finish' }));
  const letters = (await all(platform.read(topics.deadletter))).map(
    ({ event }) => `${event.group} ${event.code} ${event.preview}`,
  );
  const ended = await byKey(platform, ends);
  return {
    states,
    finished: finished.reduce((sum, { state }) => ({ count: sum.count + state.count, sum: sum.sum + state.sum }), {
      count: 0,
      sum: 0,
    }),
    letters: letters.sort(),
    lines: await byKey(platform, lines),
    totals: await byKey(platform, totals),
    woken: Object.fromEntries(
      Object.entries(ended).map(([key, list]) => [key, list.filter(({ part }) => part === 'woken')]),
    ),
    done: Object.fromEntries(
      Object.entries(ended).map(([key, list]) => [key, list.filter(({ part }) => part === 'done')]),
    ),
    behind: (await platform.lag()).filter(({ lag }) => lag > 0),
  };
}

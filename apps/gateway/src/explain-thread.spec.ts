import { ExplainThread } from './explain-thread.js';
import type { ExplainTask } from './explaining.js';
import { answering } from './a-model.js';

describe('the thread of the explanations', () => {
  const threads: ExplainThread[] = [];
  afterEach(async () => {
    for (const thread of threads.splice(0)) await thread.close();
  });
  const aThread = (waitingMax = 16): ExplainThread => {
    const thread = new ExplainThread(waitingMax);
    threads.push(thread);
    return thread;
  };
  const rows = { rows: 1, values: [{ type: 'float32', dims: [1, 2], data: Float32Array.of(1, 2) }] } as const;
  const task = (deadlineAt = Infinity): ExplainTask => {
    return { rows, background: rows, orders: 1, seed: 1, evaluationsMax: 1_000, deadlineAt };
  };
  const file = (i: number) => (): Promise<Uint8Array> => Promise.resolve(answering(i / 10));

  it('explains by a model whose first explanation came too late', async () => {
    const thread = aThread();
    await expect(thread.explain('m', file(1), task(1))).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect((await thread.explain('m', file(1), task())).prediction[1]).toBeCloseTo(0.1);
  });

  it('fetches a file once for all that ask meanwhile, and counts them as under way', async () => {
    const thread = aThread(3);
    let fetched = 0;
    const slow = async (): Promise<Uint8Array> => {
      fetched += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return answering(0.1);
    };
    const all = Array.from({ length: 5 }, () => thread.explain('m', slow, task()));
    const ends = (await Promise.allSettled(all)).map((end) =>
      end.status === 'rejected' ? end.reason.code : 'explained',
    );
    expect(ends).toEqual(['explained', 'explained', 'explained', 'OVERLOADED', 'OVERLOADED']);
    expect(fetched).toBe(1);
  });

  it('waits for a file no longer than its request does, and then makes room for another', async () => {
    const thread = aThread(1);
    const never = () => new Promise<Uint8Array>(() => undefined);
    await expect(thread.explain('m', never, task(Date.now() + 50))).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    expect((await thread.explain('n', file(1), task())).prediction[1]).toBeCloseTo(0.1);
  });

  it('goes on with models that it let go of, whoever was refused meanwhile', async () => {
    const thread = aThread();
    for (let i = 0; i < 4; i++) await thread.explain(`m${i}`, file(i), task());
    await expect(thread.explain('m4', file(4), task(1))).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    for (const i of [4, 0, 1]) expect((await thread.explain(`m${i}`, file(i), task())).method).toBe('exact');
  });
});

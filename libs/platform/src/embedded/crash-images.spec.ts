import fc from 'fast-check';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { circleReport, runCircle, type Order } from '../contract/circle.js';
import { EmbeddedPlatform } from './embedded-platform.js';

const order = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), id: fc.nat({ max: 60 }), n: fc.nat({ max: 40 }) });

describe('a crash image, which is what the operating system keeps of a data directory when the process is killed', () => {
  const root = mkdtempSync(join(tmpdir(), 'gyre-images-'));
  let count = 0;
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  /** Runs the circle from what lies in `dir` to its end, and copies the directory when the nth step of a commit is reached. */
  async function run(
    dir: string,
    send: readonly Order[],
    nth: number,
  ): Promise<{ report: unknown; image: string | undefined }> {
    let left = nth;
    let image: string | undefined;
    const onStep = () => {
      if (--left !== 0) return;
      image = join(root, `image-${++count}`);
      for (const file of ['gyre.db', 'gyre.db-wal']) cpSync(join(dir, file), join(image, file));
    };
    const platform = EmbeddedPlatform.open({ dir, partitions: 2, tickEveryMs: null, clock: () => 1, onStep });
    await runCircle(platform, { send, attempts: 1 });
    const report = await circleReport(platform);
    await platform.close();
    return { report, image };
  }

  it('leads to the same end as no crash, whatever the stream and wherever it is cut, again and again', async () => {
    const stream = fc.array(order, { minLength: 1, maxLength: 120 });
    const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 });
    let images = 0;
    await fc.assert(
      fc.asyncProperty(stream, cuts, async (orders, steps) => {
        const send = orders.map(({ key, id, n }) => ({ key, id: `${key}-${id}`, n }));
        const first = join(root, `unharmed-${++count}`);
        const unharmed = (await run(first, send, 0)).report;
        let dir: string | undefined = join(root, `first-${++count}`);
        for (const nth of steps) {
          const { report, image } = await run(dir, send, nth);
          expect(report).toEqual(unharmed);
          if (image === undefined) return;
          images += 1;
          dir = image;
        }
        expect((await run(dir, send, 0)).report).toEqual(unharmed);
      }),
      { numRuns: 25 },
    );
    expect(images).toBeGreaterThan(25);
  });
});

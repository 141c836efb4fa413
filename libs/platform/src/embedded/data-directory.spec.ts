import { GyreError } from '@gyre/contracts';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { byKey } from '../contract/harness.js';
import { range, say, words } from '../contract/words.js';
import { FORMAT } from './schema.js';
import { AttachedLog } from './attached-log.js';
import { EmbeddedPlatform } from './embedded-platform.js';

describe('a data directory', () => {
  let dir = '';
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'gyre-'))));
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const open = (partitions = 2) => EmbeddedPlatform.open({ dir, partitions, tickEveryMs: null });
  const refusal = (work: () => unknown): GyreError => {
    try {
      work();
    } catch (error) {
      if (error instanceof GyreError) return error;
      throw error;
    }
    throw new Error('it was not refused');
  };
  const setFormat = (format: number) => {
    const db = new DatabaseSync(join(dir, 'gyre.db'));
    db.prepare("UPDATE meta SET value = ? WHERE name = 'FORMAT'").run(String(format));
    db.close();
  };

  it('belongs to one platform, which is named to the next', async () => {
    const owner = open();
    const { code, message } = refusal(open);
    expect([code, message]).toEqual([
      'DATA_DIR_IN_USE',
      expect.stringContaining(`${dir} is in use by process ${process.pid}`),
    ]);
    await owner.append(words, say('a', 1));
    await owner.close();
    const next = open();
    expect(await byKey(next, words)).toEqual({ a: say('a', 1) });
    await next.close();
  });

  it('is refused in a format that this program does not know, with what to do, and stays as it is', async () => {
    await open().close();
    setFormat(99);
    expect(refusal(open)).toMatchObject({
      code: 'DATA_DIR_VERSION',
      message: expect.stringContaining('newer Gyre') as string,
    });
    setFormat(0);
    expect(refusal(open)).toMatchObject({
      code: 'DATA_DIR_VERSION',
      message: expect.stringContaining('older version') as string,
    });
    setFormat(FORMAT);
    await open().close();
  });

  it('keeps the number of partitions that it was made with', async () => {
    await open(2).close();
    const { code, message } = refusal(() => open(3));
    expect([code, message]).toEqual(['TOPIC_MISMATCHED', expect.stringContaining('set partitions to 2')]);
    expect(() => open(0)).toThrow(RangeError);
    await open(2).close();
  });

  it('is refused where none can be made or written, with what to do', () => {
    writeFileSync(join(dir, 'file'), '');
    for (const [place, why] of [
      ['/proc/gyre-data', 'ENOENT'],
      [join(dir, 'file', 'below'), 'is a file'],
    ] as const) {
      const { code, message } = refusal(() => EmbeddedPlatform.open({ dir: place, partitions: 1, tickEveryMs: null }));
      expect([code, message]).toEqual(['CONFIG_INVALID', expect.stringContaining(`the directory ${place}: `)]);
      expect(message).toContain(why);
    }
  });

  it('survives a lock file left behind by the dead', async () => {
    writeFileSync(join(dir, 'owner.pid'), '1');
    await open().close();
    await open().close();
    expect(readdirSync(dir)).toContain('gyre.db');
  });

  it('tells its owner of what a thread appends, without being asked', async () => {
    const platform = open();
    const told = new Promise<number>((resolve) =>
      platform.follow('test.follow', words, ({ event }) => resolve(event.n)),
    );
    const thread = AttachedLog.attach(dir);
    thread.append(words, say('a', 7));
    expect(await told).toBe(7);
    thread.close();
    await platform.close();
  });

  it('settles with what a thread appended a moment ago', async () => {
    const platform = open();
    platform.run({ name: 'test.count', inputs: [words], handle: (n: number = 0) => ({ state: n + 1 }) });
    const thread = AttachedLog.attach(dir);
    for (const n of range(1, 20)) {
      thread.append(words, say('a', n));
      await platform.settled();
      expect(await platform.states({ name: 'test.count' }, ['a'])).toEqual(new Map([['a', n]]));
    }
    thread.close();
    await platform.close();
  });

  it('lets no other process append', () => {
    writeFileSync(join(dir, 'owner.pid'), String(process.ppid));
    expect(refusal(() => AttachedLog.attach(dir)).code).toBe('DATA_DIR_IN_USE');
  });

  it('is none for a platform in memory', async () => {
    const platform = EmbeddedPlatform.inMemory({ partitions: 2 });
    platform.run({ name: 'test.count', inputs: [words], handle: (n: number = 0) => ({ state: n + 1 }) });
    await platform.append(words, say('a', 1, 2));
    await platform.settled();
    expect(await platform.states({ name: 'test.count' }, ['a'])).toEqual(new Map([['a', 2]]));
    const sha256 = await platform.artifacts.put(new Uint8Array([1, 2]));
    expect([...(await platform.artifacts.get(sha256))]).toEqual([1, 2]);
    await platform.close();
  });
});

import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from './schema.js';
import { Log, type Head, type NewRecord } from './log.js';

describe('Log', () => {
  const record = (n: number): NewRecord => ({
    topic: 'test',
    partition: 0,
    key: 'a',
    data: String(n),
    producer: 'p',
    sequence: n,
  });

  it('keeps nothing of a transaction that fails: neither offsets, nor names, nor news', () => {
    const news: Head[] = [];
    const log = new Log(
      openDatabase(':memory:', { partitions: 1, fsync: false }),
      (heads) => news.push(...heads),
      undefined,
    );
    const failing = () =>
      log.transact('append', () => {
        log.append(record(1), 0);
        log.append(record(2), 0);
        throw new Error('the disk is full');
      });
    expect(failing).toThrow('the disk is full');
    expect([news, log.heads(), log.names.find('test'), log.names.find('p')]).toEqual([[], [], undefined, undefined]);
    log.transact('append', () => log.names.idOf('another name'));
    expect(log.transact('append', () => [log.append(record(3), 0), log.append(record(4), 0)])).toEqual([0, 1]);
    expect(failing).toThrow('the disk is full');
    expect(log.transact('append', () => log.append(record(5), 0))).toBe(2);
    expect(log.read('test', 0, 0, 9, 9).map(({ offset, data, producer }) => [offset, data, producer])).toEqual([
      [0, '3', 'p'],
      [1, '4', 'p'],
      [2, '5', 'p'],
    ]);
    expect(news).toEqual([
      expect.objectContaining({ topic: 'test', next: 2 }),
      expect.objectContaining({ topic: 'test', next: 3 }),
    ]);
  });

  it('refuses a transaction inside another', () => {
    const log = new Log(openDatabase(':memory:', { partitions: 1, fsync: false }), () => undefined, undefined);
    expect(() => log.transact('append', () => log.transact('append', () => 1))).toThrow('open already');
    expect(log.transact('append', () => 2)).toBe(2);
  });

  it('reads the same from memory as from the table, whoever appends, expires or fails', () => {
    const dir = mkdtempSync(join(tmpdir(), 'gyre-log-'));
    const open = () =>
      new Log(openDatabase(join(dir, 'gyre.db'), { partitions: 1, fsync: false }), () => undefined, undefined);
    const [log, other, bystander] = [open(), open(), open()];
    const append = (on: Log, size: number, fails: boolean) => {
      try {
        on.transact('append', () => {
          const large = { ...record(1), data: 'x'.repeat(size * 50_000) };
          for (const each of [record(0), { ...record(2), data: Buffer.from('bytes') }, large]) on.append(each, size);
          on.appendTick('test', 0, 1_000 + size, 7);
          if (fails) throw new Error('the disk is full');
        });
      } catch (error) {
        if (!fails) throw error;
      }
    };
    const step = fc.record({
      by: fc.constantFrom(log, log, log, other),
      size: fc.nat(6),
      fails: fc.boolean(),
      expire: fc.nat(20),
      from: fc.nat(30),
      limit: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        for (const { by, size, fails, expire, from, limit } of steps) {
          append(by, size, fails);
          const end = bystander.heads()[0]?.next ?? 0;
          if (expire === 0) log.transact('append', () => log.removeBelow('test', 0, end - 3));
          const start = Math.max(0, end - from);
          expect(log.read('test', 0, start, end, limit)).toEqual(bystander.read('test', 0, start, end, limit));
        }
      }),
      { numRuns: 30 },
    );
    rmSync(dir, { recursive: true });
  });
});

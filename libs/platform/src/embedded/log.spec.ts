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
});

import { runInNewContext } from 'node:vm';
import { jest } from '@jest/globals';
import { mongo } from 'mongoose';
import { Outage } from '../outage.js';
import { passes, patiently, promptly } from './connection.js';

class Gone extends Error {
  override readonly name = 'MongoNetworkError';
}

describe('an error of MongoDB that passes', () => {
  const bulk = (inner: Error) => new mongo.MongoBulkWriteError(inner, {} as mongo.BulkWriteResult);
  // As Node's own errors are in a test: of another realm, and no instance of this one's Error.
  const ofSocket: unknown = runInNewContext(
    "Object.assign(new Error('This socket has been ended'), { code: 'EPIPE' })",
  );

  it.each([
    ['a lost connection', new Gone('connection 3 to 127.0.0.1:27017 closed')],
    ['a socket that ended while it was written to', ofSocket],
    ['a bulk write whose connection was lost', bulk(new mongo.MongoNetworkError('closed'))],
  ])('is %s', (_, error) => expect(passes(error)).toBe(true));

  it.each([
    ['a duplicate key', bulk(Object.assign(new Error('E11000 duplicate key'), { code: 11_000 }))],
    ['a mistake of ours', new TypeError('undefined is not a function')],
  ])('is not %s', (_, error) => expect(passes(error)).toBe(false));
});

describe('patience with MongoDB', () => {
  let outage: Outage;
  let patience: Parameters<typeof patiently>[1];
  /** Throws for so long, then answers. */
  const backAfter = (ms: number) => {
    const back = performance.now() + ms;
    return async () => {
      if (performance.now() < back) throw new Gone('connection refused');
      return 'answer';
    };
  };
  const ended = async (asked: Promise<string>, ms: number) => {
    let end: unknown = 'waits';
    asked.then(
      (answer) => (end = answer),
      (error: unknown) => (end = error),
    );
    await jest.advanceTimersByTimeAsync(ms);
    return end;
  };
  beforeEach(() => {
    jest.useFakeTimers();
    outage = new Outage('MongoDB', () => undefined);
    patience = { outage, isClosed: () => false };
  });
  afterEach(() => jest.useRealTimers());

  it('has no end where work has nothing better to do, and is known to be away meanwhile', async () => {
    const asked = patiently(backAfter(600_000), patience);
    expect(await ended(asked, 599_000)).toBe('waits');
    expect(outage.away).toMatch(/^MongoDB has not answered since .*connection refused/);
    expect(await ended(asked, 3_000)).toBe('answer');
    expect(outage.away).toBeNull();
  });

  it('outlasts an election where somebody waits for the answer', async () => {
    expect(await ended(promptly(backAfter(2_000), patience), 5_000)).toBe('answer');
  });

  it.each([
    ['it is refused', backAfter(Infinity)],
    ['nothing comes at all', () => new Promise<never>(() => undefined)],
  ])('ends soon where somebody waits for the answer and %s', async (_, work) => {
    expect(await ended(promptly(work, patience), 5_000)).toMatchObject({
      code: 'PLATFORM_UNAVAILABLE',
      message: expect.stringMatching(/^MongoDB cannot be reached: .*platform\.mongodb/) as string,
    });
  });
});

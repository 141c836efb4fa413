import { inTime } from '../in-time.js';

/** Nothing came in time; what was asked for may still come. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** @throws NoAnswer after so many milliseconds */
export function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return inTime(work, ms, () => new NoAnswer(`no answer within ${ms} ms`));
}

/**
 * What is waited for, if it comes within so many ms. Else it is left to end by itself, and nobody hears what became of it.
 *
 * @param late makes what is thrown when the time is over
 */
export async function inTime<T>(awaited: Promise<T>, withinMs: number, late: () => Error): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), Math.min(withinMs, TIMER_MS_MAX));
  try {
    return await Promise.race([awaited, over]);
  } finally {
    clearTimeout(timer);
  }
}

/** A timer of more goes off at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

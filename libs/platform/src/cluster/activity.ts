/** Lets somebody wait for a change of what is at work here. */
export class Activity {
  /** Rises with every change. */
  version = 0;
  #waiters: (() => void)[] = [];

  changed(): void {
    this.version += 1;
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }

  /** Resolves at the next change, or after so many milliseconds. */
  next(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#waiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** Rouses one who waits; a call that comes while nobody waits is not lost. */
export class Signal {
  #called = false;
  #resolve: (() => void) | undefined;

  call(): void {
    this.#called = true;
    this.#resolve?.();
  }

  /** Resolves when it was called since the last wait, or after so many milliseconds. */
  async wait(ms?: number): Promise<void> {
    if (!this.#called) {
      await new Promise<void>((resolve) => {
        const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
        this.#resolve = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#called = false;
    this.#resolve = undefined;
  }
}

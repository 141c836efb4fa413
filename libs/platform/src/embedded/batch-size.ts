const MOST = 500;
const LEAST = 16;
/** Of the event loop's time, milliseconds: whoever else is served in this process waits no longer than this. */
const MS = 10;
/** Of memory, in characters or bytes of the records. */
const BYTES = 8_000_000;

/** How many records a task's next batch may have: fewer where its events are large or take long to fold. */
export class BatchSize {
  #size = MOST / 4;

  get records(): number {
    return this.#size;
  }

  /** One by one, for now. */
  shrink(): void {
    this.#size = 1;
  }

  /** Learns from a batch. */
  learn(records: number, ms: number, bytes: number): void {
    if (records === 0) return;
    const fits = records * Math.min(MS / ms, BYTES / bytes);
    this.#size = Math.floor(Math.max(LEAST, Math.min(MOST, 2 * this.#size, fits)));
  }
}

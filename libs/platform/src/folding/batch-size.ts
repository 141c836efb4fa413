const LEAST = 16;

/** How many records a task's next batch may have: fewer where its events are large or take long to fold. */
export class BatchSize {
  #size: number;

  /**
   * @param most records at most
   * @param ms of the event loop's time: whoever else is served in this process waits no longer than this
   * @param bytes of memory, in characters or bytes of the records
   */
  constructor(
    private readonly most: number,
    private readonly ms: number,
    private readonly bytes: number,
  ) {
    this.#size = most / 4;
  }

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
    const fits = records * Math.min(this.ms / ms, this.bytes / bytes);
    this.#size = Math.floor(Math.max(LEAST, Math.min(this.most, 2 * this.#size, fits)));
  }
}

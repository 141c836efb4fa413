/**
 * What the thread that writes the prediction log and the one that ships it tell each other, in shared memory: a turn of the event loop costs the
 * writer one atomic store and a wake-up, no message.
 */
export class LogSignals {
  private readonly cells: BigInt64Array;

  constructor(readonly memory: SharedArrayBuffer = new SharedArrayBuffer(CELLS * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.cells = new BigInt64Array(memory);
  }

  // What the writer says.

  /** More lines are in the log. */
  written(): void {
    this.add(WRITTEN, 1);
  }
  /** Somebody waits: ship without gathering more, and without waiting out a failure. */
  hurry(): void {
    this.add(HURRIES, 1);
    this.written();
  }
  /** Ship nothing more. */
  end(): void {
    Atomics.store(this.cells, ENDED, 1n);
    this.add(HURRIES, 1);
    this.written();
  }

  // What the shipper says.

  /** Everything up to this sequence is in the topic. @param records of this writer's that came to it */
  arrived(sequence: number, records: number): void {
    this.add(RECORDS, records);
    Atomics.store(this.cells, SHIPPED, BigInt(sequence));
    Atomics.notify(this.cells, SHIPPED);
  }
  /** So many bytes of shipped records were deleted. */
  freed(bytes: number): void {
    this.add(FREED, bytes);
  }

  // What either reads.

  get shipped(): number {
    return Number(Atomics.load(this.cells, SHIPPED));
  }
  get shippedRecords(): number {
    return Number(Atomics.load(this.cells, RECORDS));
  }
  get freedBytes(): number {
    return Number(Atomics.load(this.cells, FREED));
  }
  get ended(): boolean {
    return Atomics.load(this.cells, ENDED) === 1n;
  }

  /** What the writer has said so far. */
  seen(): Seen {
    return { written: Atomics.load(this.cells, WRITTEN), hurries: Atomics.load(this.cells, HURRIES) };
  }
  /** Resolves when more is in the log than there was. */
  async moreThan(seen: Seen): Promise<void> {
    await this.change(WRITTEN, seen.written);
  }
  /** Resolves in so many milliseconds, or when the writer has come into a hurry since. */
  async pause(milliseconds: number, seen: Seen): Promise<void> {
    await this.change(HURRIES, seen.hurries, milliseconds);
  }
  /** Resolves when something beyond `seen` has been shipped, or in so many milliseconds. */
  async shippedBeyond(seen: number, milliseconds: number): Promise<void> {
    await this.change(SHIPPED, BigInt(seen), milliseconds);
  }

  private add(cell: number, amount: number): void {
    Atomics.add(this.cells, cell, BigInt(amount));
    Atomics.notify(this.cells, cell);
  }

  private async change(cell: number, seen: bigint, milliseconds = Infinity): Promise<void> {
    const waiting = Atomics.waitAsync(this.cells, cell, seen, milliseconds);
    if (waiting.async) await waiting.value;
  }
}

interface Seen {
  written: bigint;
  hurries: bigint;
}

const [WRITTEN, HURRIES, ENDED, SHIPPED, RECORDS, FREED, CELLS] = [0, 1, 2, 3, 4, 5, 6] as const;

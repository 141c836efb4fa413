/** Bytes that all connections of a server together may keep: of requests that are not whole, and of answers that nobody reads. */
export class Budget {
  used = 0;

  /** @param whole of which this is the share of one connection */
  constructor(
    readonly max: number,
    private readonly whole: Budget | null = null,
  ) {}

  /** @returns whether there was so much left; it is taken then */
  take(bytes: number): boolean {
    if (this.used + bytes > this.max || this.whole?.take(bytes) === false) return false;
    this.used += bytes;
    return true;
  }
  give(bytes: number): void {
    this.used -= bytes;
    this.whole?.give(bytes);
  }
}

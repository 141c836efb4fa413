/** Bytes that all connections of a server together may keep: of requests that are not whole, and of answers that nobody reads. */
export class Budget {
  used = 0;

  constructor(readonly max: number) {}

  /** @returns whether there was so much left; it is taken then */
  take(bytes: number): boolean {
    if (this.used + bytes > this.max) return false;
    this.used += bytes;
    return true;
  }
  give(bytes: number): void {
    this.used -= bytes;
  }
}

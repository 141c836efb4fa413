/** What is kept of each version of a model, made when it is first asked for: of those that are needed, and of the others that were asked for last. */
export class PerVersion<T> {
  private kept: [version: number, one: T][] = [];

  /**
   * @param othersMax versions that are kept though they are not needed; at least 1
   * @param isNeeded of those that are kept however many there are
   */
  constructor(
    private readonly othersMax: number,
    private readonly isNeeded: (version: number) => boolean,
    private readonly begin: (version: number) => T,
  ) {}

  of(version: number): T {
    const at = this.kept.findIndex(([known]) => known === version);
    if (at > 0) this.kept.unshift(...this.kept.splice(at, 1));
    if (at >= 0) return (this.kept[0] as [number, T])[1];
    const one = this.begin(version);
    let others = 0;
    this.kept = [[version, one] as [number, T], ...this.kept].filter(
      ([of]) => this.isNeeded(of) || ++others <= this.othersMax,
    );
    return one;
  }

  find(version: number): T | undefined {
    for (const [of, one] of this.kept) if (of === version) return one;
    return undefined;
  }

  /** What is asked for of the version next begins afresh. */
  forget(version: number): void {
    this.kept = this.kept.filter(([of]) => of !== version);
  }

  /** The one that was asked for last comes first. */
  all(): T[] {
    return this.kept.map(([, one]) => one);
  }

  saved<S>(save: (one: T) => S): { version: number; saved: S }[] {
    return this.kept.map(([version, one]) => ({ version, saved: save(one) }));
  }

  restore<S extends { version: number }>(all: readonly S[], restore: (one: T, saved: S) => void): void {
    this.kept = all.map((saved) => {
      const one = this.begin(saved.version);
      restore(one, saved);
      return [saved.version, one];
    });
  }
}

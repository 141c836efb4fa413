/** What is kept of each of the versions of a model that were asked for last, made at the first time. */
export class PerVersion<T> {
  private kept: [version: number, one: T][] = [];

  constructor(
    private readonly versionsMax: number,
    private readonly begin: (version: number) => T,
  ) {}

  of(version: number): T {
    const at = this.kept.findIndex(([known]) => known === version);
    if (at > 0) this.kept.unshift(...this.kept.splice(at, 1));
    if (at >= 0) return (this.kept[0] as [number, T])[1];
    const one = this.begin(version);
    this.kept = [[version, one] as [number, T], ...this.kept].slice(0, this.versionsMax);
    return one;
  }

  find(version: number): T | undefined {
    for (const [of, one] of this.kept) if (of === version) return one;
    return undefined;
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

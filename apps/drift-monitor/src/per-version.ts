/** What is kept of each of a model's newest versions, made when it is first asked for. */
export class PerVersion<T> {
  private kept: [version: number, one: T][] = [];

  constructor(
    private readonly versionsMax: number,
    private readonly begin: (version: number) => T,
  ) {}

  of(version: number): T {
    const there = this.find(version);
    if (there !== undefined) return there;
    const one = this.begin(version);
    this.kept = [[version, one] as [number, T], ...this.kept].slice(0, this.versionsMax);
    return one;
  }

  find(version: number): T | undefined {
    for (const [of, one] of this.kept) if (of === version) return one;
    return undefined;
  }

  /** The one that was begun last comes first. */
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

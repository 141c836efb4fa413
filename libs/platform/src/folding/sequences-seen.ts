/**
 * The highest sequence seen of each producer, by topic: what lies at or below it is a repeat. By topic, because a producer's
 * numbers run over all that it publishes, and two topics are not read in step.
 */
export class SequencesSeen {
  #changes: [topic: string, producer: string, sequence: number][] = [];
  constructor(private readonly seen: Record<string, Record<string, number>> = {}) {}

  /** Whether it is new; then it is remembered. */
  accept(topic: string, producer: string | undefined, sequence: number): boolean {
    if (producer === undefined) return true;
    const known = (this.seen[topic] ??= {});
    const last = known[producer] ?? -1;
    if (sequence <= last) return false;
    this.#changes.push([topic, producer, last]);
    known[producer] = sequence;
    return true;
  }

  has(topic: string, producer: string | undefined, sequence: number): boolean {
    return producer !== undefined && sequence <= this.last(topic, producer);
  }

  last(topic: string, producer: string): number {
    return this.seen[topic]?.[producer] ?? -1;
  }

  /** Forgets what was accepted since the last `keep`. */
  revert(): void {
    for (const [topic, producer, before] of this.#changes.reverse()) {
      const known = this.seen[topic] as Record<string, number>;
      if (before === -1) delete known[producer];
      else known[producer] = before;
    }
    this.#changes = [];
  }

  keep(): void {
    this.#changes = [];
  }

  toJSON(): Record<string, Record<string, number>> {
    return this.seen;
  }
}

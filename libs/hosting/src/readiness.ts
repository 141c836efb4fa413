/** What must be so before this process says that it is ready, and what must be through before it says that it is settled. */
export class Readiness {
  private readonly checks = new Map<string, () => string | null>();
  private readonly flags = new Map<string, () => string | null>();
  private readonly settlings: (() => Promise<void>)[] = [];
  private readonly consequences: (() => Promise<void>)[] = [];

  /** @param check null when ready, else why not, in words */
  require(name: string, check: () => string | null): void {
    this.checks.set(name, check);
  }

  /** From now on it is not ready, whatever the checks say: it takes no more work. */
  stopping(): void {
    this.require('host', () => 'stopping');
  }

  /** Why this process is not ready, by name; empty when it is. */
  missing(): Record<string, string> {
    return wordsOf(this.checks);
  }

  /** Something that is not as it should be, though the process does its work: it is told beside ready, and takes nothing from it. */
  mention(name: string, check: () => string | null): void {
    this.flags.set(name, check);
  }

  /** What is mentioned now, by name; empty when all is as it should be. */
  degraded(): Record<string, string> {
    return wordsOf(this.flags);
  }

  get ready(): boolean {
    return Object.keys(this.missing()).length === 0;
  }

  /** Something beside the platform that is on its way to the log, such as the gateway's prediction log. */
  settlesAfter(shipped: () => Promise<void>): void {
    this.settlings.push(shipped);
  }

  async shipped(): Promise<void> {
    for (const settle of this.settlings) await settle();
  }

  /** Something that follows from what the log says beside what is in it, such as loading a version that is to serve. */
  settlesWith(done: () => Promise<void>): void {
    this.consequences.push(done);
  }

  async followed(): Promise<void> {
    for (const done of this.consequences) await done();
  }
}

function wordsOf(checks: ReadonlyMap<string, () => string | null>): Record<string, string> {
  const words: Record<string, string> = {};
  for (const [name, check] of checks) {
    const why = check();
    if (why !== null) words[name] = why;
  }
  return words;
}

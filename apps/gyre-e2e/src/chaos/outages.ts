import { setTimeout as pause } from 'node:timers/promises';
import type { Victim } from './victims.js';

/** Takes each server away for the same time, one after the other, while the traffic goes on: a third of the way, and two thirds. */
export class Outages {
  private next = 0;
  private latest: Promise<void> = Promise.resolve();

  /**
   * @param around is called before a server goes, and what it gives when the server is back, with its name
   * @param tell what is done, for people
   */
  constructor(
    private readonly servers: readonly Victim[],
    private readonly options: { seconds: number; rows: number },
    private readonly around: () => (server: string) => void,
    private readonly tell: (line: string) => void,
  ) {}

  /** Lets the traffic come to a row. What is due begins, when the outage before is over. */
  async reached(row: number): Promise<void> {
    const { servers, options } = this;
    while (this.next < servers.length && row >= ((this.next + 1) * options.rows) / (servers.length + 1)) {
      await this.latest;
      this.latest = this.away(servers[this.next++] as Victim, row);
      this.latest.catch(() => undefined);
    }
  }

  /** Resolves when all outages are over. @returns how many there were */
  async end(): Promise<number> {
    await this.reached(Infinity);
    await this.latest;
    return this.next;
  }

  private async away(server: Victim, row: number): Promise<void> {
    const back = this.around();
    await server.kill();
    await pause(1_000 * this.options.seconds);
    await server.start();
    this.tell(`${server.name} was away for ${this.options.seconds} s, from row ${row} on`);
    back(server.name);
  }
}

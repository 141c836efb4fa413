import { setTimeout as pause } from 'node:timers/promises';
import type { Victim } from './victims.js';

/** A kill that is to come. */
interface Moment {
  /** The traffic has come to this row. */
  row: number;
  /** So much later, ms. */
  afterMs: number;
  victim: Victim;
  /** How long it stays dead, ms. */
  downMs: number;
}

/** From the traffic's coming to a row to the kill, and from the kill to the start: ms at most. */
const PAUSES = { afterMsMax: 500, downMsMax: 3_000 };

/** Kills by chance: moments, victims and how long they are dead come from the generator alone. Every victim has its turn before any has a second. */
export class Killer {
  private readonly moments: Moment[];
  private readonly done = new Set<Promise<void>>();
  private next = 0;
  /** The last one that was brought back, or is being. */
  private latest: Promise<void> = Promise.resolve();

  /** @param tell what is done, for people */
  constructor(
    victims: readonly Victim[],
    { kills, rows, pauses = PAUSES }: { kills: number; rows: number; pauses?: typeof PAUSES },
    random: () => number,
    private readonly tell: (line: string) => void,
  ) {
    const turns: Victim[] = [];
    while (turns.length < kills) turns.push(...shuffled(victims, random));
    const at = turns.slice(0, kills).map(() => Math.floor(rows * (0.05 + 0.9 * random())));
    at.sort((a, b) => a - b);
    this.moments = at.map((row, i) => ({
      row,
      afterMs: pauses.afterMsMax * random(),
      victim: turns[i] as Victim,
      downMs: pauses.downMsMax * random(),
    }));
  }

  /** Lets the traffic come to a row: what is due is killed then. Who was killed before must live again first, or nothing would ever be at work. */
  async reached(row: number): Promise<void> {
    while (this.next < this.moments.length && (this.moments[this.next] as Moment).row <= row) {
      await this.latest;
      const moment = this.moments[this.next] as Moment;
      this.next += 1;
      this.latest = this.strike(moment, this.next);
      this.latest.catch(() => undefined);
      this.done.add(this.latest);
    }
  }

  /** Resolves when all that was to come has come, and everybody lives again. @returns how many were killed */
  async end(): Promise<number> {
    await this.reached(Infinity);
    await Promise.all(this.done);
    return this.done.size;
  }

  private async strike({ row, afterMs, victim, downMs }: Moment, number: number): Promise<void> {
    await pause(afterMs);
    await victim.kill();
    await pause(downMs);
    const began = performance.now();
    await victim.start();
    const seconds = ((performance.now() - began) / 1_000).toFixed(1);
    const down = (downMs / 1_000).toFixed(1);
    this.tell(
      `kill ${number} of ${this.moments.length}: ${victim.name}, at row ${row}, dead for ${down} s, ready ${seconds} s after its start`,
    );
  }
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const all = [...list];
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor((i + 1) * random());
    [all[i], all[j]] = [all[j] as T, all[i] as T];
  }
  return all;
}

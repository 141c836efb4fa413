import { topics, type Lifecycle } from '@gyre/contracts';
import type { Following, Platform, Recorded } from '@gyre/platform';

interface Places {
  partition: number;
  /** Rising. */
  offsets: number[];
}

/**
 * Where the decisions on each model lie. Consoles ask for the newest of them every few seconds, out of a log that is kept for ever: only what is
 * asked for is read.
 */
export class TimelinePages {
  private readonly places = new Map<string, Places>();
  private readonly following: Following;

  constructor(private readonly platform: Pick<Platform, 'follow' | 'read'>) {
    this.following = platform.follow('registry.timeline', topics.lifecycle, (decision) => this.remember(decision));
  }

  /** The newest decisions on a model that lie before an offset, newest first. */
  async newest(model: string, most: number, before = Infinity): Promise<Recorded<Lifecycle>[]> {
    await this.following.caughtUp();
    const { partition, offsets } = this.places.get(model) ?? { partition: 0, offsets: [] };
    const end = offsets.findLastIndex((offset) => offset < before) + 1;
    const wanted = offsets.slice(Math.max(0, end - most), end);
    const [first, last] = [wanted[0], wanted.at(-1)];
    if (first === undefined || last === undefined) return [];
    // Who begins to read here cannot tell what a producer repeats of what came before.
    const isWanted = new Set(wanted);
    const decisions: Recorded<Lifecycle>[] = [];
    const from = new Map([[partition, first]]);
    for await (const decision of this.platform.read(topics.lifecycle, { key: model, from })) {
      if (isWanted.has(decision.offset)) decisions.push(decision);
      if (decision.offset >= last) break;
    }
    return decisions.reverse();
  }

  private remember({ partition, offset, key }: Recorded<Lifecycle>): void {
    const places = this.places.get(key);
    if (places === undefined) this.places.set(key, { partition, offsets: [offset] });
    else places.offsets.push(offset);
  }
}

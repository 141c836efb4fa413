import { topics, type Lifecycle } from '@gyre/contracts';
import type { Following, Platform, Recorded } from '@gyre/platform';

interface Places {
  partition: number;
  /** In the order of offsets. */
  decisions: { offset: number; type: string }[];
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

  /**
   * The newest decisions on a model that lie before an offset, newest first.
   * @param types those that are wanted; null: all
   */
  async newest(
    model: string,
    most: number,
    before = Infinity,
    types: ReadonlySet<string> | null = null,
  ): Promise<Recorded<Lifecycle>[]> {
    await this.following.caughtUp();
    const { partition, decisions: known } = this.places.get(model) ?? { partition: 0, decisions: [] };
    const fitting = known.filter(({ offset, type }) => offset < before && types?.has(type) !== false);
    const wanted = fitting.slice(-most).map(({ offset }) => offset);
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

  private remember({ partition, offset, key, event }: Recorded<Lifecycle>): void {
    const decision = { offset, type: event.type };
    const places = this.places.get(key);
    if (places === undefined) this.places.set(key, { partition, decisions: [decision] });
    else places.decisions.push(decision);
  }
}

import { DEAD_LETTERS_LISTED_MAX, topics, type DeadLetter } from '@gyre/contracts';
import type { Following, Platform, Recorded } from '@gyre/platform';

interface Place {
  partition: number;
  offset: number;
  occurredAt: number;
}

/**
 * Where the newest dead letters lie. Consoles ask for some of them every few seconds, out of weeks of letters: only the end of the topic is
 * read for them.
 */
export class NewestLetters {
  private readonly places = new Map<string, Place[]>();
  /** By partition, where the next letter will lie. */
  private readonly ends = new Map<number, number>();
  private readonly following: Following;

  constructor(private readonly platform: Pick<Platform, 'follow' | 'read'>) {
    this.following = platform.follow('ingestion.letters', topics.deadletter, (letter) => this.remember(letter));
  }

  /**
   * Newest first, by when the original was sent.
   * @param most at most DEAD_LETTERS_LISTED_MAX
   * @param group only those of this group
   */
  async newest(most: number, group?: string): Promise<Recorded<DeadLetter>[]> {
    await this.following.caughtUp();
    const groups = group === undefined ? [...this.places.values()] : [this.places.get(group) ?? []];
    const places = groups.flatMap((all) => newestOf(all, most));
    const wanted = new Set(newestOf(places, most).map(nameOf));
    const from = new Map(this.ends);
    for (const place of places)
      if (wanted.has(nameOf(place)))
        from.set(place.partition, Math.min(from.get(place.partition) ?? Infinity, place.offset));
    const letters: Recorded<DeadLetter>[] = [];
    const options = group === undefined ? { from } : { from, key: group };
    for await (const letter of this.platform.read(topics.deadletter, options))
      if (wanted.has(nameOf(letter))) letters.push(letter);
    return letters.sort((a, b) => newerFirst(placeOf(a), placeOf(b)));
  }

  private remember(letter: Recorded<DeadLetter>): void {
    const { group } = letter.event;
    const places = this.places.get(group) ?? [];
    places.push(placeOf(letter));
    this.places.set(
      group,
      places.length < 2 * DEAD_LETTERS_LISTED_MAX ? places : newestOf(places, DEAD_LETTERS_LISTED_MAX),
    );
    this.ends.set(letter.partition, letter.offset + 1);
  }
}

function placeOf({ partition, offset, event: { occurredAt } }: Recorded<DeadLetter>): Place {
  return { partition, offset, occurredAt };
}

function nameOf({ partition, offset }: { partition: number; offset: number }): string {
  return `${partition}:${offset}`;
}

function newestOf(places: readonly Place[], most: number): Place[] {
  return [...places].sort(newerFirst).slice(0, most);
}

function newerFirst(a: Place, b: Place): number {
  return b.occurredAt - a.occurredAt || b.offset - a.offset || a.partition - b.partition;
}

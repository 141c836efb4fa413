import { topics, type Retention } from '@gyre/contracts';
import type { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { retryTopicOf } from '../folding/log-record.js';
import { retryRetention } from '../folding/retries.js';
import type { Core } from './core.js';

const DAY_MS = 86_400_000;
const PAGE = 5_000;

/** A group at work in one partition. */
interface Reader {
  readonly topics: readonly string[];
  readonly partition: number;
  offset(topic: string): number;
}

/** How long each topic is kept, and the deleting of what is older. */
export class Retentions {
  readonly #days = new Map<string, number>();

  constructor(
    private readonly db: DatabaseSync,
    private readonly core: Core,
  ) {
    for (const topic of Object.values(topics)) this.meet(topic);
  }

  /** Learns of a topic. */
  meet({ name, retention }: { name: string; retention: Retention }): void {
    if (retention !== 'forever') this.#days.set(name, retention.days);
  }

  /** Learns of a group and how long what is given back to it is kept. */
  meetGroup({ name, inputs }: { name: string; inputs: readonly { retention: Retention }[] }): void {
    this.meet({ name: retryTopicOf(name), retention: retryRetention(inputs) });
  }

  /** Deletes records older than their retention that all groups have read, oldest first, a page at a time. @returns how many events */
  async expire(running: readonly Reader[], now: number): Promise<number> {
    const needed = this.#needed(running);
    let expired = 0;
    for (const topic of this.core.engine.topics) {
      // What was given back to a group that does not run now is kept as long as the letters.
      const unknown = topic.startsWith(retryTopicOf('')) && !this.#days.has(topic);
      const days = this.#days.get(unknown ? topics.deadletter.name : topic);
      if (days === undefined) continue;
      for (let partition = 0; partition < this.core.partitions; partition++) {
        const below = Math.min(
          needed.get(`${partition} ${topic}`) ?? Infinity,
          this.core.engine.head(topic, partition),
        );
        expired += await this.#cut(topic, partition, below, now - days * DAY_MS);
      }
    }
    return expired;
  }

  /** The least offset that a group still needs, of those at work and of those that were. */
  #needed(running: readonly Reader[]): Map<string, number> {
    const needed = new Map<string, number>();
    const need = (topic: string, partition: number, offset: number) => {
      const place = `${partition} ${topic}`;
      needed.set(place, Math.min(offset, needed.get(place) ?? Infinity));
    };
    for (const { partition, commit } of this.core.store.commits()) {
      for (const [topic, offset] of Object.entries(commit.offsets)) need(topic, partition, offset);
    }
    for (const reader of running) {
      for (const topic of reader.topics) need(topic, reader.partition, reader.offset(topic));
    }
    return needed;
  }

  async #cut(topic: string, partition: number, below: number, before: number): Promise<number> {
    if (!this.db.isOpen) return 0;
    const { log } = this.core;
    const id = log.names.find(topic);
    const first = this.db.prepare('SELECT first FROM heads WHERE topic = ? AND partition = ?');
    const head = id === undefined ? undefined : (first.get(id, partition) as { first: number } | undefined);
    const table = log.table(topic, partition);
    if (id === undefined || head === undefined || table === undefined) return 0;
    const saveFirst = this.db.prepare('UPDATE heads SET first = ? WHERE topic = ? AND partition = ?');
    let expired = 0;
    for (let from = head.first; from < below && this.db.isOpen; from += PAGE) {
      const to = Math.min(from + PAGE, below);
      const kept = table.firstYoung(from, to, before);
      const cut = kept ?? to;
      expired += log.transact('append', () => {
        saveFirst.run(cut, id, partition);
        return log.removeBelow(topic, partition, cut);
      });
      if (kept !== null) break;
      await setImmediate();
    }
    return expired;
  }
}

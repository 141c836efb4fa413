import type { Topic } from '@gyre/contracts';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Position, Sequenced } from '../platform.js';
import { Appender } from './appender.js';
import { inUse, ownerOf } from './lock.js';
import { Log } from './log.js';
import { Notices } from './notices.js';
import { connect, readMeta } from './schema.js';

/** The log of a data directory, for another thread of the process that owns it: it only appends. */
export class AttachedLog {
  readonly #appender: Appender;
  readonly #notices: Notices;

  private constructor(
    private readonly db: DatabaseSync,
    dir: string,
    now: () => number,
  ) {
    this.#notices = new Notices(dir);
    const log = new Log(db, () => this.#notices.tell(), undefined);
    this.#appender = new Appender(log, Number(readMeta(db).get('partitions')), now);
  }

  /** @throws GyreError DATA_DIR_IN_USE unless this process has the directory open */
  static attach(dir: string, options: { fsync?: boolean; clock?: () => number } = {}): AttachedLog {
    const owner = ownerOf(dir);
    if (owner !== process.pid) throw inUse(dir, owner);
    return new AttachedLog(connect(join(dir, 'gyre.db'), options.fsync ?? false), dir, options.clock ?? Date.now);
  }

  append<E>(topic: Topic<E>, events: readonly E[]): Position[] {
    return this.#appender.append(topic, events);
  }

  appendRaw(topic: Topic<Uint8Array>, records: readonly { key: string; bytes: Uint8Array }[]): Position[] {
    return this.#appender.appendRaw(topic, records);
  }

  appendAs<E>(producer: string, topic: Topic<E>, events: readonly Sequenced<E>[]): Position[] {
    return this.#appender.appendAs(producer, topic, events);
  }

  close(): void {
    this.#notices.close();
    this.db.close();
  }
}

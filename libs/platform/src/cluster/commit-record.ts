import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { GyreError } from '@gyre/contracts';
import { messageOf } from '../folding/dead-letter.js';
import type { Outgoing } from '../folding/log-record.js';
import { SequencesSeen } from '../folding/sequences-seen.js';
import type { Core } from './core.js';
import { Encoder } from './kafka/records.js';
import { inBatches, type Placed } from './kafka/sender.js';
import type { TopicWanted } from './kafka/topics.js';
import { idOf, type Commits } from './mongo/commits.js';
import type { CommitDocument } from './mongo/schemas.js';
import type { StoredChange } from './mongo/states.js';

/** What a batch may lead to at most, in characters: MongoDB takes documents of 16 MB. */
export const PENDING_MAX = 10_000_000;
const RETRY_MS = 200;
/** For so long after a takeover that was no peaceful one, an owner of before may still write. */
const STONES_MS = 600_000;
/** One who was held up for so long looks whether the partition is still its own before it writes on. */
const DOUBT_MS = 30_000;

/** Where a group stands in one partition. */
export interface Mark {
  batch: number;
  offsets: Record<string, number>;
  ticks: Record<string, number>;
  sequence: number;
  seen: SequencesSeen;
}

/** What a batch led to, from when it is recorded until it is everywhere. */
interface Pending {
  states: StoredChange[];
  events: Outgoing[];
}

/** Somebody else works on the partition now. */
export class OwnershipLost extends Error {
  constructor(group: string, partition: number) {
    super(
      `${group} has lost partition ${partition} to another owner, which goes on with it. That is ordinary when a process starts or ends; again and again, this one was held up for longer than the session: see its CPU, its garbage collection and platform.kafka.sessionTimeoutMs`,
    );
    this.name = 'OwnershipLost';
  }
}

/**
 * The commit records of one group and partition, in the hands of one owner. A commit is: (1) the next record is added, if nobody else has
 * added one; (2) the states are written, each only over an older batch; (3) the events are published in order. Whoever takes the
 * partition over repeats (2) and (3) from the record.
 */
export class CommitRecord {
  mark: Mark = { batch: 0, offsets: {}, ticks: {}, sequence: 0, seen: new SequencesSeen() };
  #owner = '';
  /** When the partition was last known to be this owner's, of the process's clock. */
  #ownedAt = 0;
  /** Whether the record in force is that of the takeover, which stays. */
  #isFresh = true;
  #stopped = false;
  #doubtUntil = 0;
  /** Whether the last commit was more than a mark, and has got everywhere. */
  #carriedOut = false;

  constructor(
    private readonly core: Core,
    private readonly kind: 'task' | 'job',
    readonly group: string,
    readonly partition: number,
  ) {}

  /** Becomes the owner, and ends what the one before may have left half done. */
  async takeOver(): Promise<void> {
    this.#owner = randomUUID();
    this.#ownedAt = performance.now();
    this.#isFresh = true;
    const found = await this.#commits.takeOver(this.partition, this.#owner);
    this.mark = markOf(found);
    this.#doubtUntil = found.pending === null ? found.doubtUntil : Date.now() + STONES_MS;
    if (found.pending === null) return;
    const pending = JSON.parse(zstdDecompressSync(bytesOf(found.pending)).toString()) as Pending;
    await this.#carryOut(pending);
  }

  /** No more tries where something is away: what is recorded is carried out by the next owner. */
  stop(): void {
    this.#stopped = true;
  }

  /** At the end, in peace: says that what the last batch led to is everywhere, and that the next owner has nothing to repeat. */
  async rest(): Promise<void> {
    if (this.#carriedOut) await this.#record({ ...this.mark, batch: this.mark.batch + 1 }, null);
  }

  /** @throws OwnershipLost; then nothing of it counts */
  async commit(mark: Omit<Mark, 'seen' | 'batch'>, states: StoredChange[], events: Outgoing[]): Promise<void> {
    const { core } = this;
    const { seen, batch, sequence } = this.mark;
    const isEmpty = states.length === 0 && events.length === 0;
    const pending = isEmpty ? null : zstdCompressSync(JSON.stringify({ states, events } satisfies Pending));
    this.#carriedOut = false;
    await this.#record({ ...mark, sequence: sequence + events.length, batch: batch + 1, seen }, pending);
    core.onStep?.(`${this.kind}: recorded`);
    const isFirst = this.#isFresh;
    this.#isFresh = false;
    await Promise.all([
      this.#carryOut({ states, events }),
      isFirst ? undefined : this.#commits.drop(this.partition, batch),
    ]);
  }

  async #record(next: Mark, pending: Buffer | null): Promise<void> {
    const { group, partition } = this;
    const began = performance.now();
    if (!(await this.#commits.add(documentOf(partition, this.#owner, next, pending, this.#doubtUntil))))
      throw new OwnershipLost(group, partition);
    await this.#assertMine();
    this.#ownedAt = began;
    this.mark = next;
  }

  async #carryOut({ states, events }: Pending): Promise<void> {
    const { core, group, partition } = this;
    const { batch, sequence } = this.mark;
    if (states.length > 0) {
      await this.#assertMine();
      const now = Date.now();
      await core.store.states(group).save(partition, batch, states, { now, leaveStones: now < this.#doubtUntil });
    }
    core.onStep?.(`${this.kind}: states`);
    await this.#publish(events, sequence - events.length);
    this.#carriedOut = states.length > 0 || events.length > 0;
    core.onStep?.(`${this.kind}: published`);
  }

  /** In order, and nothing after what failed: that again and again. Readers drop what they have. */
  async #publish(events: readonly Outgoing[], from: number): Promise<void> {
    if (events.length === 0) return;
    const { core, group, partition } = this;
    const producer = `${group}/${partition}`;
    const encoder = new Encoder(core.now());
    const placed = events.map((event, i) => ({
      topic: core.topics.nameOf(event.topic),
      partition: event.partition,
      message: encoder.encode({ ...event, producer, sequence: from + i }),
    }));
    const topics = topicsOf(core, events);
    for (const batch of inBatches(placed)) await this.#send(batch, topics);
  }

  async #send(batch: readonly Placed[], topics: readonly TopicWanted[]): Promise<void> {
    const { core, group, partition } = this;
    for (;;) {
      try {
        await core.topics.ready(topics);
        await core.sender.send(batch);
        return;
      } catch (error) {
        if (this.#stopped) throw error;
        if (error instanceof GyreError && error.code === 'TOPIC_MISMATCHED') throw error;
        core.logger(
          'warn',
          `${group} cannot publish what it has committed; it tries again, and goes no further before that. See that the brokers run, and that nobody has lowered max.message.bytes of their topics`,
          { partition, error: messageOf(error) },
        );
        await sleep(RETRY_MS);
      }
    }
  }

  async #assertMine(): Promise<void> {
    if (performance.now() - this.#ownedAt < DOUBT_MS) return;
    const found = await this.#commits.newest(this.partition);
    if (found?.owner !== this.#owner) throw new OwnershipLost(this.group, this.partition);
  }

  get #commits(): Commits {
    return this.core.store.commits(this.group);
  }
}

function topicsOf(core: Core, events: readonly Outgoing[]) {
  return core.known([...new Set(events.map(({ topic }) => topic))]);
}

function markOf({ batch, sequence, offsets, ticks, seen }: CommitDocument): Mark {
  const bySeen: Record<string, Record<string, number>> = {};
  for (const each of seen) (bySeen[each.topic] ??= {})[each.producer] = each.sequence;
  return {
    batch,
    sequence,
    offsets: Object.fromEntries(offsets.map(({ topic, next }) => [topic, next])),
    ticks: Object.fromEntries(ticks.map(({ topic, time }) => [topic, time])),
    seen: new SequencesSeen(bySeen),
  };
}

function documentOf(
  partition: number,
  owner: string,
  mark: Mark,
  pending: Buffer | null,
  doubtUntil: number,
): CommitDocument {
  const seen = Object.entries(mark.seen.toJSON()).flatMap(([topic, producers]) =>
    Object.entries(producers).map(([producer, sequence]) => ({ topic, producer, sequence })),
  );
  return {
    _id: idOf(partition, mark.batch),
    partition,
    owner,
    batch: mark.batch,
    takenAt: 0,
    sequence: mark.sequence,
    offsets: Object.entries(mark.offsets).map(([topic, next]) => ({ topic, next })),
    ticks: Object.entries(mark.ticks).map(([topic, time]) => ({ topic, time })),
    seen,
    pending,
    doubtUntil,
  };
}

/** A lean read gives the driver's Binary. */
function bytesOf(pending: Buffer | { buffer: Uint8Array }): Uint8Array {
  return Buffer.isBuffer(pending) ? pending : Buffer.from(pending.buffer);
}

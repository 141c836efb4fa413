import type { Model } from 'mongoose';
import type { StateChange, StateRow } from '../../folding/batch-states.js';
import type { Wish } from '../../folding/waking.js';
import { isDuplicate } from './connection.js';
import type { StateDocument } from './schemas.js';

const INSERTS = 500;
const COMMANDS_AT_ONCE = 8;
/** Of one list: a command holds 16 MB. */
const IDS_MOST = 5_000;
/** Where lists of ids are looked for in all documents: what a look-up of one id costs, in documents that are looked through. */
const LOOK_UP_COSTS = 10;

/** What a server does worse than MongoDB, and how it is spared that. */
export interface Server {
  /** How many updates go in one command. */
  updatesMost: number;
  /** Whether it looks through all documents for a list of ids, though it has an index that finds one. */
  scansForLists: boolean;
}

/** A look-up by the greatest key of a prefix at or before one, or below it. */
export interface Floor {
  prefix: string;
  atOrBefore: string;
  below: boolean;
}

/** A change, and whether the store held nothing under its key before. */
export type StoredChange = StateChange & { isNew: boolean };

/** For a fold, which has nothing better to do than wait; or for somebody who waits for an answer. */
export type Manner = 'patiently' | 'promptly';

export type Try = <T>(work: () => Promise<T>, manner?: Manner) => Promise<T>;

/** The states of one group. They are read and written past mongoose's casting: they are many, and one string each. */
export class States {
  #prepared: Promise<void> | undefined;
  /** How many documents there are, about. */
  #count = 0;

  constructor(
    private readonly model: Model<StateDocument>,
    private readonly trying: Try,
    private readonly server: Server,
  ) {}

  /** Makes the indexes, once. */
  async prepare(): Promise<void> {
    this.#prepared ??= this.#prepare();
    try {
      await this.#prepared;
    } catch (error) {
      this.#prepared = undefined;
      throw error;
    }
  }

  /** What is stored under these keys; a key without a state is absent. */
  async load(partition: number, keys: readonly string[]): Promise<Map<string, StateRow>> {
    const ids = keys.map((key) => idOf(partition, key));
    const found = await this.#byIds(ids);
    const rows = new Map<string, StateRow>();
    for (const { _id, version } of found)
      if (version.json !== null) rows.set(keyOf(_id), { json: version.json, wakeAt: version.wakeAt });
    return rows;
  }

  /** What is stored under keys that begin with `prefix` and are at most `atOrBefore`, or below it, the greatest first. */
  async before(
    partition: number,
    { prefix, atOrBefore, below }: Floor,
    limit: number,
  ): Promise<{ key: string; row: StateRow }[]> {
    const range = {
      $gte: idOf(partition, prefix),
      [below ? '$lt' : '$lte']: idOf(partition, atOrBefore),
    };
    const found = await this.trying(() => this.#all({ _id: range, 'version.json': { $ne: null } }, { _id: -1 }, limit));
    return found.map(({ _id, version: { json, wakeAt } }) => ({
      key: keyOf(_id),
      row: { json: json as string, wakeAt },
    }));
  }

  /** Wishes in the order of time and key, after the given one. */
  async wishes(partition: number, after: Wish | undefined, limit: number): Promise<Wish[]> {
    const mine = { $gte: `${digits(partition)}/`, $lt: `${digits(partition)}0` };
    const filter =
      after === undefined
        ? { _id: mine, 'version.wakeAt': { $gt: -Number.MAX_VALUE } }
        : {
            $or: [
              { _id: mine, 'version.wakeAt': { $gt: after.wakeAt } },
              { _id: { ...mine, $gt: idOf(partition, after.key) }, 'version.wakeAt': after.wakeAt },
            ],
          };
    const found = await this.trying(() => this.#all(filter, { 'version.wakeAt': 1, _id: 1 }, limit));
    return found.map(({ _id, version }) => ({ key: keyOf(_id), wakeAt: version.wakeAt as number }));
  }

  /** States of all partitions in the order of their ids, after one of them. @throws GyreError PLATFORM_UNAVAILABLE */
  async page(after: string, limit: number): Promise<{ id: string; key: string; json: string }[]> {
    const found = await this.trying(
      () => this.#all({ _id: { $gt: after }, 'version.json': { $ne: null } }, { _id: 1 }, limit),
      'promptly',
    );
    return found.map(({ _id, version }) => ({ id: _id, key: keyOf(_id), json: version.json as string }));
  }

  /** The JSON of states by key, of the first partition that holds each. @throws GyreError PLATFORM_UNAVAILABLE */
  async find(keys: readonly string[], partitions: number): Promise<Map<string, string>> {
    // Of all partitions at once: whoever looks up an entity does not know which one holds it, and waits.
    const ids = Array.from({ length: partitions }, (_, partition) => keys.map((key) => idOf(partition, key))).flat();
    const found = (await this.#byIds(ids, 'promptly')).filter(({ version }) => version.json !== null);
    found.sort((a, b) => (a._id < b._id ? 1 : -1));
    return new Map(found.map(({ _id, version }) => [keyOf(_id), version.json as string]));
  }

  /**
   * Writes what a batch made, each only over an older batch. May be done again.
   * @param leaveStones whether somebody who lost the partition may still be about to write: then a deleted state leaves a stone that keeps it out
   */
  async save(
    partition: number,
    batch: number,
    changes: readonly StoredChange[],
    { now, leaveStones }: { now: number; leaveStones: boolean },
  ): Promise<void> {
    if (!leaveStones) {
      const gone = changes.filter(({ json }) => json === null).map(({ key }) => idOf(partition, key));
      const older = { $lt: batch };
      for (const _id of listsOf(gone))
        await this.trying(() => this.#collection.deleteMany({ _id, 'version.batch': older }));
      changes = changes.filter(({ json }) => json !== null);
    }
    const versionOf = ({ json, wakeAt }: StateChange) => ({ batch, json, wakeAt, diedAt: json === null ? now : null });
    const fresh = changes.filter((change) => change.isNew && change.json !== null);
    const over = changes.filter((change) => !(change.isNew && change.json !== null));
    for (let from = 0; from < fresh.length; from += INSERTS) {
      const chunk = fresh.slice(from, from + INSERTS);
      const documents = chunk.map((change) => ({ _id: idOf(partition, change.key), version: versionOf(change) }));
      try {
        await this.trying(() => this.#collection.insertMany(documents, { ordered: false }));
      } catch (error) {
        if (!isDuplicate(error)) throw error;
        over.push(...chunk);
      }
    }
    const commands: object[][] = [];
    for (let from = 0; from < over.length; from += this.server.updatesMost)
      commands.push(
        over.slice(from, from + this.server.updatesMost).map((change) => ({
          updateOne: {
            filter: { _id: idOf(partition, change.key) },
            update: { $max: { version: versionOf(change) } },
            upsert: true,
          },
        })),
      );
    await someAtOnce(commands, (operations) =>
      this.trying(() => this.#collection.bulkWrite(operations, { ordered: false })),
    );
    this.#count += fresh.length;
  }

  /** Removes the stones of states that died before a time. */
  async sweep(diedBefore: number): Promise<void> {
    await this.trying(() => this.#collection.deleteMany({ 'version.diedAt': { $gt: 0, $lt: diedBefore } }));
  }

  async #prepare(): Promise<void> {
    await this.trying(() => this.model.createIndexes());
    if (this.server.scansForLists) this.#count = await this.trying(() => this.model.estimatedDocumentCount());
  }

  async #byIds(ids: readonly string[], manner?: Manner): Promise<StateDocument[]> {
    const found: StateDocument[] = [];
    await someAtOnce(this.#listsOf(ids), async (_id) => {
      found.push(...(await this.trying(() => this.#all({ _id }), manner)));
    });
    return found;
  }

  /** Conditions that find these ids: all in one, or as many as a command has room for, or one by one where that is cheaper. */
  #listsOf(ids: readonly string[]): (string | { $in: readonly string[] })[] {
    const oneByOne = this.server.scansForLists && ids.length * LOOK_UP_COSTS < this.#count;
    return oneByOne || ids.length === 1 ? [...ids] : listsOf(ids);
  }

  #all(filter: object, sort?: Record<string, 1 | -1>, limit?: number): Promise<StateDocument[]> {
    const cursor = this.#collection.find(filter);
    if (sort !== undefined) cursor.sort(sort);
    if (limit !== undefined) cursor.limit(limit);
    return cursor.toArray();
  }

  get #collection(): NativeCollection {
    return this.model.collection as unknown as NativeCollection;
  }
}

/** What is used here of the driver's collection, whose ids are ours. */
interface NativeCollection {
  find(filter: object): {
    sort(by: Record<string, 1 | -1>): unknown;
    limit(count: number): unknown;
    toArray(): Promise<StateDocument[]>;
  };
  insertMany(documents: StateDocument[], options: { ordered: boolean }): Promise<unknown>;
  bulkWrite(operations: object[], options: { ordered: boolean }): Promise<unknown>;
  deleteMany(filter: object): Promise<unknown>;
}

/** As many of one list as a command has room for. */
function listsOf(ids: readonly string[]): { $in: readonly string[] }[] {
  return Array.from({ length: Math.ceil(ids.length / IDS_MOST) }, (_, i) => ({
    $in: ids.slice(i * IDS_MOST, (i + 1) * IDS_MOST),
  }));
}

/** Works a list off, some at a time. */
async function someAtOnce<T>(list: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  let next = 0;
  const workOff = async () => {
    while (next < list.length) await work(list[next++] as T);
  };
  await Promise.all(Array.from({ length: Math.min(COMMANDS_AT_ONCE, list.length) }, workOff));
}

function digits(partition: number): string {
  return String(partition).padStart(3, '0');
}

function idOf(partition: number, key: string): string {
  return `${digits(partition)}/${key}`;
}

function keyOf(id: string): string {
  return id.slice(4);
}

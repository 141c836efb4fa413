import { GyreError } from '@gyre/contracts';
import type { Model } from 'mongoose';
import { Commits } from './commits.js';
import { passes, patiently, promptly, type Connection, type Patience } from './connection.js';
import {
  commitSchema,
  groupSchema,
  metaSchema,
  stateSchema,
  type CommitDocument,
  type GroupDocument,
  type MetaDocument,
  type StateDocument,
} from './schemas.js';
import { States, type Manner, type Server } from './states.js';

/** Format of the database. It rises with every change that an older program would misread. */
export const FORMAT = 2;

const UPDATES_MOST = 500;

/**
 * Commit records, states and what else is kept in MongoDB. Every call goes on trying while the database is away, until the platform closes; one that is
 * made promptly, or that finds or pages through states, is refused with PLATFORM_UNAVAILABLE soon.
 */
export class Store {
  readonly #groups: Model<GroupDocument>;
  readonly #meta: Model<MetaDocument>;
  readonly #commits = new Map<string, Commits>();
  readonly #states = new Map<string, States>();
  #server: Server = { updatesMost: UPDATES_MOST, scansForLists: false };

  constructor(
    private readonly connection: Connection,
    private readonly patience: Pick<Patience, 'outage' | 'isClosed'>,
  ) {
    this.#groups = connection.model('groups', groupSchema, 'groups');
    this.#meta = connection.model('meta', metaSchema, 'meta');
  }

  /** @throws GyreError DATA_DIR_VERSION, TOPIC_MISMATCHED; what MongoDB said last, if it does not answer for so long */
  async check(partitions: number, patienceMs: number): Promise<void> {
    const until = performance.now() + patienceMs;
    const about = await this.#try(async () => this.connection.db?.admin().buildInfo(), { until });
    // FerretDB 1 holds a connection to its own database for each update of a command, and stands still when it has no more; of its index it makes use
    // for single ids.
    if (about?.['ferretdbVersion'] !== undefined) this.#server = { updatesMost: 1, scansForLists: true };
    const format = await this.#fixed('format', FORMAT, until);
    if (format !== FORMAT)
      throw new GyreError(
        'DATA_DIR_VERSION',
        `the database ${this.connection.name} has format ${format}, this Gyre writes ${FORMAT}; start the Gyre that wrote it, or set another platform.mongodb.database`,
        { format, known: FORMAT },
      );
    const made = await this.#fixed('partitions', partitions, until);
    if (made !== partitions)
      throw new GyreError(
        'TOPIC_MISMATCHED',
        `the database ${this.connection.name} was made with ${made} partitions, not ${partitions}; set platform.partitions to ${made}, or begin with another database and another kafka.prefix`,
        { partitions: made, configured: partitions },
      );
  }

  /** The latest time that was told, UTC milliseconds; 0 before the first. */
  async time(): Promise<number> {
    return this.#try(async () => (await this.#meta.findById('time').lean())?.value ?? 0);
  }

  /** Tells a time; an earlier one changes nothing. */
  async tell(time: number): Promise<void> {
    await this.#try(() => this.#meta.updateOne({ _id: 'time' }, { $max: { value: time } }, { upsert: true }), {
      races: true,
    });
  }

  async register({ _id, ...group }: GroupDocument): Promise<void> {
    await this.#try(() => this.#groups.updateOne({ _id }, { $set: group }, { upsert: true }), { races: true });
    await this.states(_id).prepare();
  }

  groups(manner?: Manner): Promise<GroupDocument[]> {
    return this.#try(() => this.#groups.find().lean<GroupDocument[]>(), { manner });
  }

  commits(group: string): Commits {
    let known = this.#commits.get(group);
    if (known === undefined) {
      const name = `commits.${group}`;
      const model = this.connection.model<CommitDocument>(name, commitSchema, name);
      known = new Commits(model, (work, manner) => this.#try(work, { manner }));
      this.#commits.set(group, known);
    }
    return known;
  }

  states(group: string): States {
    let known = this.#states.get(group);
    if (known === undefined) {
      const name = `states.${group}`;
      const model = this.connection.model<StateDocument>(name, stateSchema, name);
      known = new States(model, (work, manner) => this.#try(work, { manner }), this.#server);
      this.#states.set(group, known);
    }
    return known;
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  /** A number that whoever is first writes. */
  async #fixed(name: string, value: number, until: number): Promise<number> {
    return this.#try(
      async () => {
        try {
          await this.#meta.collection.insertOne({ _id: name, value } as never);
          return value;
        } catch (error) {
          if (passes(error)) throw error;
          const found = await this.#meta.findById(name).lean();
          if (found === null) throw error;
          return found.value;
        }
      },
      { until },
    );
  }

  #try<T>(
    work: () => Promise<T>,
    { manner = 'patiently', ...options }: Pick<Patience, 'until' | 'races'> & { manner?: Manner | undefined } = {},
  ): Promise<T> {
    const asked = manner === 'promptly' ? promptly : patiently;
    return asked(work, { ...this.patience, ...options });
  }
}

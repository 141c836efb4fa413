import type { Model } from 'mongoose';
import { isDuplicate } from './connection.js';
import type { CommitDocument } from './schemas.js';
import type { Manner, Try } from './states.js';

/**
 * For so long the record of a takeover keeps its number taken, though later ones have replaced it. Whoever was held up for longer between
 * two commits must look whether it is the owner still.
 */
export const TAKEN_MS = 600_000;

/** Without what may be under way. */
export type Standing = Omit<CommitDocument, 'pending'>;

/**
 * The commit records of one group. A commit, and a takeover too, is a record of its own under the number that follows the last one's, and
 * the newest of a partition is in force. Of two that insert the same number one is refused, by every server that has unique keys: so it does not
 * matter that some, FerretDB among them, do not compare and set a document in one step.
 */
export class Commits {
  constructor(
    private readonly model: Model<CommitDocument>,
    private readonly trying: Try,
  ) {}

  /** Makes `owner` the one who works on the partition. @returns the record of that, with what its predecessor may have left half done */
  takeOver(partition: number, owner: string): Promise<CommitDocument> {
    return this.trying(async () => {
      for (;;) {
        const { batch, ...last } = (await this.#newest(partition)) ?? atTheBeginning(partition);
        const takenAt = Date.now();
        const record = { ...last, _id: idOf(partition, batch + 1), owner, batch: batch + 1, takenAt };
        try {
          await this.model.create(record);
        } catch (error) {
          if (isDuplicate(error)) continue;
          throw error;
        }
        const older = { $gte: idOf(partition, 0), $lt: record._id };
        await this.model.deleteMany({ _id: older, takenAt: { $lt: takenAt - TAKEN_MS } });
        return record;
      }
    });
  }

  /** Adds the record of a batch. @returns false where another owner has taken its number */
  add(record: CommitDocument): Promise<boolean> {
    return this.trying(async () => {
      try {
        await this.model.create(record);
        return true;
      } catch (error) {
        if (!isDuplicate(error)) throw error;
        // The answer to an earlier try may have been lost on its way.
        return (await this.model.findById(record._id, { owner: 1 }).lean())?.owner === record.owner;
      }
    });
  }

  /** Deletes the record of a batch that a later one has replaced. */
  async drop(partition: number, batch: number): Promise<void> {
    await this.trying(() => this.model.deleteOne({ _id: idOf(partition, batch) }));
  }

  /** The record that is in force, whoever works on the partition. */
  newest(partition: number): Promise<CommitDocument | undefined> {
    return this.trying(() => this.#newest(partition));
  }

  /** Where the group stands in each partition. */
  async standings(manner?: Manner): Promise<Standing[]> {
    const all = await this.trying(
      () => this.model.find({}, { pending: 0 }).sort({ _id: 1 }).lean<Standing[]>(),
      manner,
    );
    return [...new Map(all.map((record) => [record.partition, record])).values()];
  }

  async #newest(partition: number): Promise<CommitDocument | undefined> {
    const mine = { $gte: idOf(partition, 0), $lte: idOf(partition, Number.MAX_SAFE_INTEGER) };
    return (await this.model.findOne({ _id: mine }).sort({ _id: -1 }).lean<CommitDocument>()) ?? undefined;
  }
}

function atTheBeginning(partition: number): Omit<CommitDocument, '_id' | 'owner' | 'takenAt'> {
  return { partition, batch: 0, sequence: 0, offsets: [], ticks: [], seen: [], pending: null, doubtUntil: 0 };
}

/** In the order of the numbers. */
export function idOf(partition: number, batch: number): string {
  return `${String(partition).padStart(3, '0')}/${String(batch).padStart(16, '0')}`;
}

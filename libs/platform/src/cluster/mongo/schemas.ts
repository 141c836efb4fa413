import mongoose from 'mongoose';

const { Schema } = mongoose;

/** Where a group stands in one partition after a batch: all that has to change at once, in one document. Its id is the partition and the batch. */
export interface CommitDocument {
  _id: string;
  partition: number;
  /** Who works on the partition: a name of its own for each time that it is taken over. */
  owner: string;
  /** Rises by one with every commit and every takeover. */
  batch: number;
  /** When the owner took the partition over, UTC milliseconds, where this is the record of that; 0 in that of a batch. */
  takenAt: number;
  /** The number that the group's next publication gets. */
  sequence: number;
  offsets: { topic: string; next: number }[];
  /** By topic, the last tick seen, UTC milliseconds. */
  ticks: { topic: string; time: number }[];
  /** By topic and producer, the highest sequence seen. */
  seen: { topic: string; producer: string; sequence: number }[];
  /** What the batch leads to and may not have got everywhere yet: `Pending` as JSON, compressed by zstd. */
  pending: Buffer | null;
  /** Until then an owner of before may wake up and write what is recorded here, or was; UTC milliseconds. */
  doubtUntil: number;
}

/** A state; its id is its partition in three digits, a slash and its key. */
export interface StateDocument {
  _id: string;
  /**
   * Written as a whole by `$max`, for which the first field decides: so a batch is written only over an older one. json null: deleted; such a
   * stone stays as long as an owner of before may be on its way to write the state anew.
   */
  version: { batch: number; json: string | null; wakeAt: number | null; diedAt: number | null };
}

/** What others must know of a group that somebody runs, or ran. */
export interface GroupDocument {
  _id: string;
  kind: 'task' | 'job';
  inputs: string[];
  /** Events below this number wait for company, and are no work that is left. */
  batchMin: number;
}

/** Of the whole place: its format and the latest time that was told. */
export interface MetaDocument {
  _id: string;
  value: number;
}

const plain = { versionKey: false, minimize: false, autoIndex: false, autoCreate: false } as const;
const part = { _id: false } as const;

export const commitSchema = new Schema<CommitDocument>(
  {
    _id: { type: String, required: true },
    partition: { type: Number, required: true },
    owner: { type: String, required: true },
    batch: { type: Number, required: true },
    takenAt: { type: Number, required: true },
    sequence: { type: Number, required: true },
    offsets: [new Schema({ topic: String, next: Number }, part)],
    ticks: [new Schema({ topic: String, time: Number }, part)],
    seen: [new Schema({ topic: String, producer: String, sequence: Number }, part)],
    pending: { type: Buffer, default: null },
    doubtUntil: { type: Number, default: 0 },
  },
  plain,
);

export const stateSchema = new Schema<StateDocument>(
  {
    _id: { type: String, required: true },
    version: new Schema({ batch: Number, json: String, wakeAt: Number, diedAt: Number }, part),
  },
  plain,
);
/** Who is to be woken next, and which stones can go. */
stateSchema.index({ 'version.wakeAt': 1, _id: 1 });
stateSchema.index({ 'version.diedAt': 1 });

export const groupSchema = new Schema<GroupDocument>(
  { _id: { type: String, required: true }, kind: String, inputs: [String], batchMin: Number },
  plain,
);

export const metaSchema = new Schema<MetaDocument>({ _id: { type: String, required: true }, value: Number }, plain);

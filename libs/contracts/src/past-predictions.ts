/** A prediction as it was recorded: what the model saw, and who answered. */
export interface PastPrediction {
  id: string;
  model: string;
  /** UTC milliseconds. */
  predictedAt: number;
  entity: string | null;
  /** null: the fallback answered. */
  version: number | null;
  /** In the order of the model's inputs then; null is missing. */
  features: (number | null)[];
}

/** proto/gyre/v1/feature_store.proto's PastPrediction, as the loader gives it: names as in the file, what is absent undefined, NaN missing. */
export interface PastPredictionMessage {
  id: string;
  model: string;
  predicted_at_ms: number;
  entity?: string;
  version?: number;
  features: number[];
}

/** The record of what was predicted, as those who explain see it: in this process, or over gRPC. */
export abstract class PastPredictions {
  /** @returns null where no prediction of that id is in the log or the archive (yet) */
  abstract find(id: string): Promise<PastPrediction | null>;
  /** The newest of a model, at most so many, oldest first. */
  abstract recent(model: string, limit: number): Promise<PastPrediction[]>;
}

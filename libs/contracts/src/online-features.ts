import type { ModelInput } from './model.js';
import type { FeatureValue } from './serving-events.js';

/** `outOfRange` values are served as they are; missing and stale ones are null. */
export type FeatureStatus = 'present' | 'missing' | 'stale' | 'outOfRange';

/** What the online store shows of one entity. The lists are in the order of the request's inputs. */
export interface OnlineRow {
  entity: string;
  values: FeatureValue[];
  status: FeatureStatus[];
  /** Request time less event time of the value, ms; null where none was ever seen. */
  ageMs: (number | null)[];
  /** By view, the revision that was read; 0 where the entity was never seen. */
  seen: Record<string, number>;
}

export interface OnlineRequest {
  inputs: readonly ModelInput[];
  entities: readonly string[];
  /** Event time of the request, or of each entity's, UTC milliseconds: ages and times to live are measured from it. */
  at: number | readonly number[];
  /** Until when the answer is of use, UTC milliseconds by the clock; absent: however long it takes. */
  deadlineAt?: number;
}

/** The feature store as those who serve see it: in this process, or over gRPC. */
export abstract class OnlineFeatures {
  /**
   * The newest values of some features of some entities, one row per entity in the order asked for.
   * @throws GyreError VIEW_NOT_FOUND, FEATURES_MISMATCHED (the view has no such field), FEATURES_UNAVAILABLE, DEADLINE_EXCEEDED
   */
  abstract get(request: OnlineRequest): Promise<OnlineRow[]>;
}

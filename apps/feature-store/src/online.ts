import { topics, type FeaturesObserved } from '@gyre/contracts';
import { onlineRow, type OnlineFields } from '@gyre/features';
import { publish, type Effects, type Task } from '@gyre/platform';

/** What the online store shows of one entity in one view. */
export interface OnlineState {
  /** Counts the changes, from 1 on. */
  revision: number;
  fields: OnlineFields;
}

/** The key of an entity's state; a view's name holds no NUL. */
export function onlineKey(view: string, entity: string): string {
  return `${view}\u0000${entity}`;
}

/** features -> the newest values of their view and entity -> history, one revision for each change */
export const online: Task<OnlineState, FeaturesObserved> = {
  name: 'feature-store.online',
  inputs: [topics.features],
  stateKey: ({ view, entity }) => onlineKey(view, entity),
  handle(state = { revision: 0, fields: {} }, { view, entity, occurredAt, values }): Effects<OnlineState> {
    const fields = onlineRow(state.fields, values, occurredAt);
    if (fields === state.fields) return {};
    const revision = state.revision + 1;
    return {
      state: { revision, fields },
      publish: [publish(topics.history, { view, entity, revision, occurredAt, fields })],
    };
  },
};

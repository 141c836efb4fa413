import type { Cause, DriftKind, LifecycleOf } from '@gyre/contracts';
import type { OutputCounts } from './output-bins.js';

/** What a watch says of a version: something is wrong, or, without causes, that it is no more. */
export interface Verdict {
  kind: DriftKind;
  version: number;
  detector: string;
  /** It was not so before. */
  begins: boolean;
  /** Worst first. */
  causes: Cause[];
  /** Rows or outcomes that it rests on. */
  observations: number;
  /** Of these rows: the answers by bin. */
  outputs: OutputCounts;
}

export type Loss = LifecycleOf<'IncidentOpened'>['loss'];

export type At = LifecycleOf<'DriftDetected'>['at'];

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

export function number(value: number): string {
  return value.toPrecision(3);
}

import type { LifecycleType, PerformanceMeasured, TimelineEntry } from '@gyre/contracts';
import { labelAt } from './bands.js';
import type { ModelView } from './live-state.js';
import { sentenceOf } from './sentences.js';
import { mergedEntries } from './timeline.js';

/** Something that happened, beside the line of performance. */
export interface Mark {
  kind: 'drift' | 'drop' | 'promoted' | 'rolledBack';
  /** Its decision in the timeline. */
  offset: number;
  at: number;
  label: number;
  text: string;
}

/** Decisions of these types are asked for by themselves, back to the first: the chart reaches further back than the timeline that is read without being asked for. */
export const MARKED_TYPES: readonly LifecycleType[] = ['DriftDetected', 'PerformanceDropped', 'Promoted', 'RolledBack'];

/** The decisions that may be marked, newest first: those that were read, and what the timeline has heard since. */
export function markedOf({ marked, entries }: Pick<ModelView, 'marked' | 'entries'>): TimelineEntry[] {
  return mergedEntries(
    marked ?? [],
    (entries ?? []).filter(({ type }) => MARKED_TYPES.includes(type)),
  );
}

/**
 * Drift of the error, lost performance, promotions and rollbacks, oldest first.
 *
 * Moved inputs are left to the timeline: they explain, and on a stream with many features they would cover the line.
 */
export function marksOf(entries: readonly TimelineEntry[], windows: readonly PerformanceMeasured[]): Mark[] {
  const marks: Mark[] = [];
  for (const { event, offset, occurredAt } of entries) {
    const text = sentenceOf(event).text;
    const mark = (kind: Mark['kind'], label: number) => marks.push({ kind, offset, at: occurredAt, label, text });
    if (event.type === 'DriftDetected' && event.kind === 'concept') mark('drift', event.at.labels);
    if (event.type === 'PerformanceDropped') mark('drop', event.at.labels);
    if (event.type === 'Promoted') mark('promoted', labelAt(windows, occurredAt));
    if (event.type === 'RolledBack') mark('rolledBack', labelAt(windows, occurredAt));
  }
  return marks.sort((a, b) => a.offset - b.offset);
}

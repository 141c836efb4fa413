import type { PerformanceMeasured, TimelineEntry } from '@gyre/contracts';
import { labelAt } from './bands.js';
import { sentenceOf } from './sentences.js';

/** Something that happened, beside the line of performance. */
export interface Mark {
  kind: 'drift' | 'drop' | 'promoted' | 'rolledBack';
  /** Its decision in the timeline. */
  offset: number;
  at: number;
  label: number;
  text: string;
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

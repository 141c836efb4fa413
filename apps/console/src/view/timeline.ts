import type { TimelineEntry } from '@gyre/contracts';
import { sentenceOf, type Sentence } from './sentences.js';

/** One line of the timeline. The same thing said again and again (a decline at each trigger) is one line with its count. */
export interface Line {
  entry: TimelineEntry;
  sentence: Sentence;
  /** How many decisions it stands for, `entry` being the newest. */
  times: number;
  /** When the oldest of them was. */
  since: number;
}

/** Entries of two lists as one, newest first, each offset once. */
export function mergedEntries(known: readonly TimelineEntry[], further: readonly TimelineEntry[]): TimelineEntry[] {
  const byOffset = new Map(known.map((entry) => [entry.offset, entry]));
  for (const entry of further) byOffset.set(entry.offset, entry);
  return [...byOffset.values()].sort((a, b) => b.offset - a.offset);
}

/** @param entries newest first */
export function linesOf(entries: readonly TimelineEntry[], wanted: 'key' | 'all'): Line[] {
  const lines: Line[] = [];
  for (const entry of entries) {
    const sentence = sentenceOf(entry.event);
    if (wanted === 'key' && !sentence.key) continue;
    const last = lines.at(-1);
    if (
      last !== undefined &&
      entry.type === 'TrainingDeclined' &&
      last.entry.type === entry.type &&
      last.sentence.text === sentence.text
    ) {
      last.times += 1;
      last.since = entry.occurredAt;
    } else {
      lines.push({ entry, sentence, times: 1, since: entry.occurredAt });
    }
  }
  return lines;
}

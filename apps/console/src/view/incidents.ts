import type { LifecycleOf, TimelineEntry } from '@gyre/contracts';
import { INCIDENTS, incidentTone, type Tone } from './sentences.js';

/** An incident as the newest of its events tells it. */
export interface IncidentView {
  id: string;
  /** Of the newest of its events. */
  offset: number;
  kind: LifecycleOf<'IncidentOpened'>['kind'];
  isOpen: boolean;
  /** What kind of thing is wrong. */
  name: string;
  tone: Tone;
  version: number;
  pages: boolean;
  openedAt: number;
  closedAt: number | null;
  /** Why it is over; null while it is not. */
  end: string | null;
  /** In words with numbers, the one that costs most first. */
  causes: string[];
  loss: LifecycleOf<'IncidentOpened'>['loss'];
}

/** @param entries newest first @returns the open ones first, then by the time at which they were opened, newest first */
export function incidentsOf(entries: readonly TimelineEntry[]): IncidentView[] {
  const seen = new Map<string, IncidentView>();
  for (const { event, offset } of entries) {
    if (event.type !== 'IncidentOpened' && event.type !== 'IncidentUpdated' && event.type !== 'IncidentClosed')
      continue;
    if (seen.has(event.incident)) continue;
    const isOpen = event.type !== 'IncidentClosed';
    const end = isOpen ? null : event.outcome === 'recovered' ? 'it has recovered' : 'another version serves';
    seen.set(event.incident, {
      id: event.incident,
      offset,
      kind: event.kind,
      isOpen,
      end,
      name: INCIDENTS[event.kind],
      tone: isOpen ? incidentTone(event) : 'quiet',
      version: event.version,
      pages: event.pages,
      openedAt: event.openedAt,
      loss: event.loss,
      closedAt: isOpen ? null : event.occurredAt,
      causes: event.causes.map(({ words }) => words),
    });
  }
  return [...seen.values()].sort((a, b) => Number(b.isOpen) - Number(a.isOpen) || b.openedAt - a.openedAt);
}

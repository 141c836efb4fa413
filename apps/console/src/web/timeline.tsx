import { useEffect, useMemo, useRef, useState } from 'react';
import type { TimelineEntry } from '@gyre/contracts';
import { count, moment, span } from '../view/figures.js';
import { linesOf, type Line } from '../view/timeline.js';
import { Evidence, hasEvidence } from './evidence.js';
import { Glyph } from './icons.js';
import type { LiveStore } from './store.js';

const FIRST = 20;
const MORE = 40;

interface Props {
  model: string;
  store: LiveStore;
  entries: readonly TimelineEntry[] | null;
  complete: boolean;
  /** The decision that a mark in the chart was chosen for. */
  focused: number | null;
}

export function Timeline({ model, store, entries, complete, focused }: Props) {
  const [wanted, setWanted] = useState<'key' | 'all'>('key');
  const [limit, setLimit] = useState(FIRST);
  const [reading, setReading] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const lines = useMemo(() => linesOf(entries ?? [], wanted), [entries, wanted]);
  const list = useRef<HTMLOListElement>(null);
  const sought = useRef<number | null>(null);

  const read = async (backTo: number | null) => {
    setFailure(null);
    setReading(true);
    await store.readOlder(model, backTo).catch((error: unknown) => setFailure((error as Error).message));
    setReading(false);
  };

  useEffect(() => {
    sought.current = focused;
    const oldest = entries?.at(-1)?.offset;
    // The chart marks decisions that the timeline does not go back to by itself.
    if (focused !== null && oldest !== undefined && focused < oldest) void read(focused);
  }, [focused]);

  useEffect(() => {
    const place = lines.findIndex(({ entry }) => entry.offset === sought.current);
    if (place < 0) return;
    sought.current = null;
    if (place >= limit) setLimit(place + 5);
    requestAnimationFrame(() => {
      const item = list.current?.querySelector<HTMLElement>(`[data-offset="${focused}"]`);
      item?.scrollIntoView({ block: 'center', behavior: 'smooth' });
      item?.focus({ preventScroll: true });
    });
    // Only a new choice moves the page, once its decision is there, not what comes in later.
  }, [focused, lines]);

  const shown = lines.slice(0, limit);
  const more = lines.length > limit || !complete;
  const older = async () => {
    setLimit(limit + MORE);
    if (lines.length > limit + MORE || complete) return;
    await read(null);
  };
  return (
    <section className="panel timeline" aria-labelledby="timeline">
      <header>
        <h2 id="timeline">Timeline</h2>
        <div className="segments" role="group" aria-label="What the timeline shows">
          <button type="button" aria-pressed={wanted === 'key'} onClick={() => setWanted('key')}>
            Decisions
          </button>
          <button type="button" aria-pressed={wanted === 'all'} onClick={() => setWanted('all')}>
            Every step
          </button>
        </div>
      </header>
      {entries === null && <p className="nothing">Reading …</p>}
      {entries?.length === 0 && (
        <p className="nothing">
          Nothing has been decided yet. Every decision will stand here with its reason and its numbers.
        </p>
      )}
      <div className="scroll">
        <ol ref={list}>
          {shown.map((line) => (
            <Item key={line.entry.offset} line={line} />
          ))}
        </ol>
        {more && entries !== null && entries.length > 0 && (
          <button type="button" className="quiet-button more" disabled={reading} onClick={() => void older()}>
            {reading ? 'Reading …' : 'Show older'}
          </button>
        )}
        {failure !== null && (
          <p className="failure" role="alert">
            Older decisions could not be read: {failure}
          </p>
        )}
      </div>
    </section>
  );
}

function Item({ line: { entry, sentence, times, since } }: { line: Line }) {
  const [open, setOpen] = useState(false);
  const time = new Date(entry.occurredAt).toISOString();
  const expandable = hasEvidence(entry.event);
  return (
    <li data-offset={entry.offset} tabIndex={-1} className={`tone-${sentence.tone}`}>
      <span className="icon">
        <Glyph icon={sentence.icon} />
      </span>
      <div className="content">
        <p className="sentence">{sentence.text}</p>
        {entry.reason !== '' && <p className="reason">{entry.reason}</p>}
        <p className="meta">
          <time dateTime={time}>{times > 1 ? span(since, entry.occurredAt) : moment(entry.occurredAt)}</time>
          <span>{entry.actor}</span>
          {times > 1 && <span>{count(times)} times</span>}
          {expandable && (
            <button type="button" className="link" aria-expanded={open} onClick={() => setOpen(!open)}>
              {open ? 'Hide evidence' : 'Evidence'}
            </button>
          )}
        </p>
        {open && <Evidence event={entry.event} />}
      </div>
    </li>
  );
}

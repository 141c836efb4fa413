import type { TimelineEntry } from '@gyre/contracts';
import { useMemo } from 'react';
import { count, errorChange, lasting, moment } from '../view/figures.js';
import { incidentsOf, type IncidentView } from '../view/incidents.js';

/** Closed ones that are still shown. */
const CLOSED_SHOWN = 3;

export function IncidentsPanel({ entries }: { entries: readonly TimelineEntry[] | null }) {
  const incidents = useMemo(() => incidentsOf(entries ?? []), [entries]);
  const open = incidents.filter(({ isOpen }) => isOpen);
  const closed = incidents.filter(({ isOpen }) => !isOpen);
  return (
    <section className="panel incidents" aria-labelledby="incidents">
      <header>
        <h2 id="incidents">Incidents</h2>
        <p>
          {entries === null ? (
            'reading …'
          ) : open.length === 0 ? (
            'nothing is wrong that is known of'
          ) : (
            <b>{count(open.length)} open</b>
          )}
        </p>
      </header>
      {incidents.length > 0 && (
        <ol>
          {[...open, ...closed.slice(0, CLOSED_SHOWN)].map((incident) => (
            <Incident key={incident.id} incident={incident} />
          ))}
        </ol>
      )}
      {closed.length > CLOSED_SHOWN && (
        <p className="aside">{count(closed.length - CLOSED_SHOWN)} older ones are in the timeline</p>
      )}
    </section>
  );
}

function Incident({ incident }: { incident: IncidentView }) {
  const { name, tone, version, pages, openedAt, closedAt, end, causes, loss, isOpen } = incident;
  const cost =
    loss === null
      ? null
      : `error ${errorChange(loss.before, loss.after, loss.metric)}${loss.by === 'estimated' ? ', estimated' : ''}`;
  const lasted = closedAt === null ? '' : `, closed after ${lasting(closedAt - openedAt)}: ${end}`;
  return (
    <li className={`tone-${tone}`}>
      <h3>
        <span className="dot" aria-hidden="true" />
        {name}
        <span className="of">
          version {version}
          {cost === null ? '' : ` · ${cost}`}
          {isOpen && pages ? ' · paged' : ''}
        </span>
      </h3>
      {isOpen ? (
        <ol className="causes">
          {causes.map((cause) => (
            <li key={cause}>{cause}</li>
          ))}
        </ol>
      ) : (
        <p className="cause">{causes[0]}</p>
      )}
      <p className="since">
        {isOpen ? 'since' : 'on'} {moment(openedAt)}
        {lasted}
      </p>
    </li>
  );
}

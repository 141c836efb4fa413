import { topics, type Lifecycle, type LifecycleOf } from '@gyre/contracts';
import type { Job } from '@gyre/platform';

export type IncidentEvent = LifecycleOf<'IncidentOpened' | 'IncidentUpdated' | 'IncidentClosed'>;

/** Someone to tell. It may hear the same twice, after a crash: the incident, and what became of it, say that it is the same. */
export interface AlertTarget {
  readonly name: string;
  /**
   * @param first the event that made the alert; it gives the alert its identity
   * @returns whether it was told: not every target hears of every change
   * @throws where it could not be told
   */
  send(event: IncidentEvent, first: IncidentEvent, signal: AbortSignal): Promise<boolean>;
}

export interface AlertSettings {
  target: AlertTarget;
  /** An incident that is older when it is read was for an earlier time, ms. */
  ageMsMax: number;
  clock: () => number;
  /** Told of each event that the target was told of, for metrics. */
  onSent?: (target: string, event: IncidentEvent) => void;
}

/** Incidents that the target was told of and that are open, with the event that told of them. */
interface Told {
  alerted: Record<string, IncidentEvent>;
}

/**
 * lifecycle -> webhook or Alertmanager: one alert per incident that pages, from the event that first says so to its end.
 *
 * Each target has a job of its own, with its own place in the log and its own memory of what it was told: one that does not answer holds up no fold and no
 * other target, only its own alerts. It is tried nine times, for about half a minute and its own time limits; then the event is a dead letter of
 * `drift-monitor.alerts.<target>`, and `gyre deadletters` gives it back.
 */
export function alertsJob({ target, ageMsMax, clock, onSent }: AlertSettings): Job<Told, Lifecycle> {
  return {
    name: `drift-monitor.alerts.${target.name}`,
    input: topics.lifecycle,
    wants: isIncident,
    attempts: 9,
    async perform(records, { state, signal }) {
      const alerted = { ...state?.alerted };
      for (const { event } of records) {
        if (!isIncident(event)) continue;
        const known = alerted[event.incident];
        const isOver = event.type === 'IncidentClosed';
        const isNew = known === undefined && event.pages && !isOver && event.occurredAt >= clock() - ageMsMax;
        if (known === undefined && !isNew) continue;
        if (await target.send(event, known ?? event, signal)) onSent?.(target.name, event);
        if (isOver) delete alerted[event.incident];
        else alerted[event.incident] = known ?? event;
      }
      return { state: { alerted } };
    },
  };
}

function isIncident(event: Lifecycle): event is IncidentEvent {
  return event.type === 'IncidentOpened' || event.type === 'IncidentUpdated' || event.type === 'IncidentClosed';
}

import type { AlertTarget, IncidentEvent } from './alerts.job.js';

const TIMEOUT_MS = 10_000;
/** An open incident is told to end so far ahead, so that Alertmanager does not take our silence for its end. */
const OPEN_MS = 90 * 86_400_000;
const ALERT = 'GyreIncident';

/** `POST url` with the incident as JSON when it begins to page and when it is over; what changes in between is no call of its own. */
export function webhook(url: string, link: string | null): AlertTarget {
  return {
    name: 'webhook',
    async send(event, first, signal) {
      const isOver = event.type === 'IncidentClosed';
      if (!isOver && event !== first) return false;
      const status = isOver ? 'closed' : 'opened';
      const { incident, model, version, kind, severity, causes, loss, openedAt, occurredAt, reason } = event;
      const told = {
        incident,
        status,
        model,
        version,
        kind,
        severity,
        summary: summaryOf(event),
        reason,
        causes,
        loss,
      };
      const times = { openedAt: written(openedAt), occurredAt: written(occurredAt), link: linkOf(link, model) };
      await post(url, { ...told, ...times }, { 'idempotency-key': `${incident}/${status}` }, signal);
      return true;
    },
  };
}

/**
 * Alertmanager's API v2. The labels are the alert's identity there, and so those of the event that began it: the same alert is told again when the
 * incident changes, and ended when it is over.
 *
 * @param url of the server, such as http://alertmanager:9093
 */
export function alertmanager(url: string, link: string | null, clock: () => number): AlertTarget {
  return {
    name: 'alertmanager',
    async send(event, first, signal) {
      const isOver = event.type === 'IncidentClosed';
      const { incident, model, kind, severity } = first;
      const alert = {
        labels: { alertname: ALERT, incident, model, kind, severity },
        annotations: {
          summary: summaryOf(event),
          description: event.reason,
          causes: event.causes.map(({ words }, i) => `${i + 1}. ${words}`).join('\n'),
          severity: event.severity,
          version: String(event.version),
        },
        startsAt: written(first.occurredAt),
        endsAt: written(isOver ? Math.max(first.occurredAt, clock()) : clock() + OPEN_MS),
        ...(link === null ? {} : { generatorURL: linkOf(link, model) }),
      };
      await post(`${url.replace(/\/$/, '')}/api/v2/alerts`, [alert], {}, signal);
      return true;
    },
  };
}

const NAMES: Record<IncidentEvent['kind'], string> = {
  quality: 'faulty data',
  concept: 'concept drift',
  covariate: 'moved inputs',
  prediction: 'moved answers',
  fairness: 'unfair answers',
};

function summaryOf({ kind, model, version, causes }: IncidentEvent): string {
  const name = causes.find((cause) => cause.name !== '')?.name;
  return `${model} version ${version}: ${NAMES[kind]}${name === undefined ? '' : ` in ${name}`}`;
}

function linkOf(link: string | null, model: string): string | null {
  return link === null ? null : `${link.replace(/\/$/, '')}/models/${model}`;
}

function written(time: number): string {
  return new Date(time).toISOString();
}

async function post(url: string, body: unknown, headers: Record<string, string>, signal: AbortSignal): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    redirect: 'error',
  });
  const answer = await response.text();
  // The address may hold a secret: its host is enough to know whom to ask.
  if (!response.ok) throw new Error(`${new URL(url).host} answered ${response.status}: ${answer.slice(0, 300)}`);
}

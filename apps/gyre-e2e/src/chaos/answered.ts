import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { credentials, loadPackageDefinition, type Client, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { embedded, settingsOf } from '../deployment.js';
import { Calls } from './calls.js';
import { account, Parquet, tallied, type Account } from './reconcile.js';
import { GyreProcess } from './victims.js';

const PROTO = fileURLToPath(new URL('../../../../proto/inference/grpc_predict_v2.proto', import.meta.url));
const SPEC = `kind: FeatureView
name: machine
entity: machine_id
fields: { temperature: float, load: float }
---
kind: Model
name: failure
features: [machine.*]
label: { name: failed, type: binary }
retraining: { bootstrapLabels: 1000000, minLabels: 1000000, everyLabels: null }
`;
const IN_FLIGHT_MAX = 512;
const LABELS_A_CALL = 500;
const PATIENCE_MS = 20_000;
const SETTLE_MS = 300_000;

export interface AnsweredOptions {
  kills: number;
  perSecond: number;
  /** How long each process lives under load, ms. */
  livesMs: number;
}

export interface AnsweredResult {
  accounts: Account[];
  kills: number;
  /** Requests that were sent, answered, and answered a second. */
  sent: number;
  perSecond: number;
}

/**
 * Kills a Gyre (kill -9) again and again under requests through its gRPC port, and then looks for everything that a client was answered: in
 * gyre.predictions, and, when each answer has had its label, among the outcomes and in Parquet.
 */
export async function runAnswered(
  { kills, perSecond, livesMs }: AnsweredOptions,
  directory: string,
  tell: (line: string) => void,
): Promise<AnsweredResult> {
  const [dataDir, file] = [join(directory, 'data'), join(directory, 'gyre.yaml')];
  const plans = await embedded.processes({ dataDir, settings: file });
  const own = { 'feature-store': { archiveBatchEventsMin: 1 }, gateway: { queueDelayTargetMs: null } };
  const settings = settingsOf(embedded, own, { dataDir, plans, token: undefined });
  writeFileSync(file, JSON.stringify(settings)); // JSON is YAML
  const [plan] = plans as [(typeof plans)[number]];
  const gyre = new GyreProcess(plan, directory);
  const calls = new Calls();
  const settle = () => calls.json('POST', `${plan.url}/v1/settle`, {}, SETTLE_MS);
  const answered: string[] = [];
  let [sent, seconds] = [0, 0];
  try {
    await gyre.start();
    await calls.json('POST', `${plan.url}/v1/specs`, SPEC);
    await settle();
    for (let kill = 1; kill <= kills; kill++) {
      const before = answered.length;
      const load = new Load(plan.grpcAddress, perSecond, (id) => answered.push(id));
      const began = performance.now();
      // From the first answer on: a process that has just started is slow.
      for (const end = Date.now() + PATIENCE_MS; load.answers === 0 && Date.now() < end;) await pause(10);
      await pause(livesMs);
      if (load.answers === 0) throw new Error(`nothing was answered: ${load.problem}`);
      // In the midst of it: requests are on their way in and answers on their way out.
      await gyre.kill();
      const took = (performance.now() - began) / 1_000;
      sent += await load.end();
      seconds += took;
      await gyre.start();
      const got = answered.length - before;
      tell(`kill ${kill} of ${kills}: ${got} answers in ${took.toFixed(1)} s before it (${Math.round(got / took)}/s)`);
    }
    await settle();
    for (let i = 0; i < answered.length; i += LABELS_A_CALL) {
      const lines = answered.slice(i, i + LABELS_A_CALL).map((prediction) => JSON.stringify(label(prediction)));
      await calls.json('POST', `${plan.url}/v1/events`, `${lines.join('\n')}\n`);
    }
    await settle();
    const { counts } = await calls.json<{ counts: Record<string, number> }>(
      'GET',
      `${plan.url}/v1/models/failure/labels`,
    );
    const letters = await calls.json<unknown[]>('GET', `${plan.url}/v1/deadletters?limit=1000`);
    await gyre.kill();
    const parquet = await Parquet.open();
    const archive = join(dataDir, 'archive');
    const outcomes = await parquet.archive(archive, 'gyre.outcomes', 'prediction', "kind <> 'expired'");
    const archived = new Set(answered);
    const predictions = (await parquet.archive(archive, 'gyre.predictions', 'prediction')).filter((id) =>
      archived.has(id),
    );
    parquet.close();
    const accounts = [
      ...logged(join(dataDir, 'gyre.db'), answered),
      tallied('labels joined with their prediction', answered.length, counts['joined'] ?? 0),
      account('outcomes in Parquet', answered, outcomes),
      account('answered predictions in Parquet', answered, predictions),
      tallied('dead letters', 0, letters.length),
    ];
    return { accounts, kills, sent, perSecond: answered.length / seconds };
  } finally {
    await gyre.kill();
  }
}

function label(prediction: string): object {
  return { id: `label-${prediction}`, type: 'label', prediction, value: 1, time: new Date().toISOString() };
}

/** What lies in gyre.predictions, record by record, as no reader sees it: repeats are there. */
function logged(file: string, answered: readonly string[]): Account[] {
  const db = new DatabaseSync(file, { readOnly: true });
  const topic = db.prepare("SELECT id FROM names WHERE name = 'gyre.predictions'").get() as { id: number };
  const heads = db.prepare('SELECT partition FROM heads WHERE topic = ?').all(topic.id) as { partition: number }[];
  const wanted = new Set(answered);
  const places = new Map<string, string>();
  const ids = new Map<string, string>();
  let moved = 0;
  for (const { partition } of heads) {
    const rows = db.prepare(`SELECT producer, sequence, data FROM records_${topic.id}_${partition} WHERE kind = 0`);
    for (const { producer, sequence, data } of rows.iterate() as Iterable<{
      producer: number;
      sequence: number;
      data: string | Uint8Array;
    }>) {
      const text = typeof data === 'string' ? data : Buffer.from(data).toString('latin1');
      const id = /"id":"([^"]+)"/.exec(text)?.[1] ?? '';
      if (!wanted.has(id)) continue;
      const place = `${producer} ${sequence}`;
      if ((places.get(id) ?? place) !== place || (ids.get(place) ?? id) !== id) moved += 1;
      places.set(id, place);
      ids.set(place, id);
    }
  }
  db.close();
  return [
    account('answered predictions in gyre.predictions', answered, places.keys()),
    tallied('repeats under another source position', 0, moved),
  ];
}

/** Requests at a steady rate over one connection, until the server is gone. */
class Load {
  answers = 0;
  /** The newest. */
  problem = 'no answer came';
  private readonly stub: Client & Record<'ModelInfer', (request: object, callback: Callback) => void>;
  private readonly timer: NodeJS.Timeout;
  private readonly began = performance.now();
  private due = 0;
  private sent = 0;
  private underWay = 0;
  private idle: (() => void) | undefined;

  constructor(
    address: string,
    private readonly perSecond: number,
    private readonly answered: (prediction: string) => void,
  ) {
    const { inference } = loadPackageDefinition(loadSync(PROTO, { keepCase: true })) as unknown as {
      inference: { GRPCInferenceService: ServiceClientConstructor };
    };
    this.stub = new inference.GRPCInferenceService(address, credentials.createInsecure()) as unknown as Load['stub'];
    this.timer = setInterval(() => this.step(), 1);
  }

  private step(): void {
    const due = Math.floor(((performance.now() - this.began) / 1_000) * this.perSecond);
    for (; this.due < due; this.due++) if (this.underWay < IN_FLIGHT_MAX) this.ask();
  }

  private ask(): void {
    this.underWay += 1;
    this.sent += 1;
    const values = [(this.sent * 37) % 100, (this.sent % 10) / 10];
    const inputs = [{ name: 'features', datatype: 'FP32', shape: [1, 2], contents: { fp32_contents: values } }];
    this.stub.ModelInfer({ model_name: 'failure', inputs }, (error, answer) => {
      this.underWay -= 1;
      const id = answer?.parameters['prediction_id']?.string_param;
      if (error !== null) this.problem = error.message;
      else if (id !== undefined) {
        this.answers += 1;
        this.answered(id);
      }
      if (this.underWay === 0) this.idle?.();
    });
  }

  /** @returns how many requests it sent */
  async end(): Promise<number> {
    clearInterval(this.timer);
    if (this.underWay > 0) await new Promise<void>((resolve) => (this.idle = resolve));
    this.stub.close();
    return this.sent;
  }
}

type Callback = (
  error: Error | null,
  answer?: { parameters: Record<string, { string_param?: string } | undefined> },
) => void;

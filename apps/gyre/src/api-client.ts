import type {
  AppliedSpecs,
  CommandAccepted,
  DeadLetterEntry,
  EventsAccepted,
  Explained,
  Imported,
  IngestEvent,
  LabelCounts,
  ModelStatus,
  Reproduced,
  Served,
  SpecsInForce,
  TimelineEntry,
  VersionInfo,
} from '@gyre/contracts';
import type { HttpMessage, ModelMetadata } from '@gyre/gateway/protocol';
import { CallFailed, Unreachable } from './failures.js';
import { tlsFetch, type TlsFiles } from './tls-fetch.js';

export interface ApiOptions {
  /** `http://127.0.0.1:8080` */
  url: string;
  /** Sent as `authorization: Bearer`. */
  token?: string | undefined;
  /** For https: how the server is known, and what it is shown. */
  tls?: TlsFiles;
  /** Ends whatever is under way. */
  signal?: AbortSignal;
}

/** One row to predict, by the Open Inference Protocol's JSON. */
export interface InferBody {
  id?: string;
  parameters?: Record<string, string | number | boolean>;
  inputs: { name: string; shape: number[]; datatype: string; data: (number | null)[] }[];
}
export interface InferAnswer {
  model_name: string;
  model_version: string;
  id?: string;
  parameters: Record<string, string | number | boolean>;
  outputs: { name: string; shape: number[]; datatype: string; data: (number | string | boolean)[] }[];
}
export interface GroupLag {
  group: string;
  topic: string;
  partition: number;
  offset: number;
  lag: number;
}
export interface ReadyStatus {
  status: string;
  /** By name, what must be there before it is ready. */
  missing: Record<string, string>;
  /** By name, what it goes on without. */
  degraded: Record<string, string>;
}
/** Some by their positions, or all that can have another try, of one group or of every one. */
export type DeadLettersWanted =
  { letters: readonly { partition: number; offset: number }[] } | { all: true; group?: string };
export interface TimelinePage {
  limit?: number;
  /** Only entries whose offset is smaller. */
  before?: number;
}

/**
 * The HTTP interface of a running Gyre.
 * Every method throws {@link Unreachable} where nobody answers, and {@link CallFailed} with the server's code where it refuses.
 */
export class ApiClient {
  readonly url: string;

  constructor(private readonly options: ApiOptions) {
    this.url = options.url.replace(/\/+$/, '');
  }

  /** @param file its name, for the places of problems */
  applySpecs(text: string, file: string): Promise<AppliedSpecs> {
    return this.post('/v1/specs', text, { 'content-type': 'application/yaml', 'x-file-name': encodeURI(file) });
  }
  /** @param file its name, for the manifest and the timeline */
  importModel(model: string, bytes: Uint8Array, file: string): Promise<Imported> {
    const headers = { 'content-type': 'application/octet-stream', 'x-file-name': encodeURIComponent(file) };
    return this.post(`/v1/models/${encodeURIComponent(model)}/import`, bytes, headers);
  }
  specs(): Promise<SpecsInForce> {
    return this.get('/v1/specs');
  }
  models(): Promise<ModelStatus[]> {
    return this.get('/v1/models');
  }
  model(name: string): Promise<ModelStatus> {
    return this.get(`/v1/models/${encodeURIComponent(name)}`);
  }
  versions(model: string): Promise<VersionInfo[]> {
    return this.get(`/v1/models/${encodeURIComponent(model)}/versions`);
  }
  /** Newest first. */
  timeline(model: string, { limit, before }: TimelinePage = {}): Promise<TimelineEntry[]> {
    return this.get(`/v1/models/${encodeURIComponent(model)}/timeline${query({ limit, before })}`);
  }
  served(model: string, at: string): Promise<Served> {
    return this.get(`/v1/models/${encodeURIComponent(model)}/served${query({ at })}`);
  }
  /** Takes as long as training the version did. */
  reproduce(model: string, version: number): Promise<Reproduced> {
    return this.command(model, `versions/${version}/reproduce`, {});
  }
  labels(model: string): Promise<LabelCounts> {
    return this.get(`/v1/models/${encodeURIComponent(model)}/labels`);
  }
  promote(model: string, version: number, reason: string): Promise<CommandAccepted> {
    return this.command(model, 'promote', { version, reason });
  }
  rollback(model: string, reason?: string): Promise<CommandAccepted> {
    return this.command(model, 'rollback', reason === undefined ? {} : { reason });
  }
  retrain(model: string, reason?: string): Promise<CommandAccepted> {
    return this.command(model, 'retrain', reason === undefined ? {} : { reason });
  }
  /** Newest first. @param group only what this group refused */
  deadLetters(limit: number, group?: string): Promise<DeadLetterEntry[]> {
    return this.get(`/v1/deadletters${query({ limit, group })}`);
  }
  replayDeadLetters(wanted: DeadLettersWanted): Promise<{ replayed: number; expired: number }> {
    return this.post('/v1/deadletters/replay', JSON.stringify(wanted), JSON_BODY);
  }
  sendEvents(events: readonly IngestEvent[]): Promise<EventsAccepted> {
    return this.post('/v1/events', eventLines(events), NDJSON_BODY);
  }
  /**
   * The same with lines that are made already; and waits until everything that was sent has had its effects, then says that it is now `tick` and waits
   * for the effects of that, however long it takes.
   */
  async settleEvents(lines: string, tick?: number): Promise<void> {
    try {
      await this.post(`/v1/events${query({ settle: 'true', tick })}`, lines, NDJSON_BODY);
    } catch (error) {
      if (!(error instanceof Unreachable) || !isTimeout(error.cause)) throw error;
      await this.settle(tick);
    }
  }
  infer(model: string, body: InferBody): Promise<InferAnswer> {
    return this.post(`/v2/models/${encodeURIComponent(model)}/infer`, JSON.stringify(body), JSON_BODY);
  }
  /** What the model takes and gives. */
  metadata(model: string): Promise<ModelMetadata> {
    return this.get(`/v2/models/${encodeURIComponent(model)}`);
  }
  /** A request with tensors as bytes, and its answer. */
  async inferBytes(model: string, { body, jsonBytes }: HttpMessage): Promise<HttpMessage> {
    const response = await this.fetch(`/v2/models/${encodeURIComponent(model)}/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream', [JSON_BYTES]: String(jsonBytes) },
      body: body as Buffer<ArrayBuffer>,
    });
    if (!response.ok) throw await this.failure(response);
    const head = response.headers.get(JSON_BYTES);
    const bytes = Buffer.from(await response.arrayBuffer());
    return { body: bytes, jsonBytes: head === null ? undefined : Number(head) };
  }
  explain(model: string, body: InferBody): Promise<Explained> {
    return this.post(`/v2/models/${encodeURIComponent(model)}/explain`, JSON.stringify(body), JSON_BODY);
  }
  explainPast(prediction: string): Promise<Explained> {
    return this.get(`/v1/predictions/${encodeURIComponent(prediction)}/explanation`);
  }
  lag(): Promise<{ groups: GroupLag[] }> {
    return this.get('/v1/lag');
  }
  /** Resolves when everything that was sent has had all its effects, however long that takes. */
  async settle(tick?: number): Promise<void> {
    for (;;) {
      try {
        await this.post('/v1/settle', JSON.stringify(tick === undefined ? {} : { tick }), JSON_BODY);
        return;
      } catch (error) {
        if (!(error instanceof Unreachable) || !isTimeout(error.cause)) throw error;
      }
    }
  }
  async ready(): Promise<ReadyStatus> {
    const response = await this.fetch('/readyz', {});
    if (!response.ok && response.status !== NOT_READY) throw await this.failure(response);
    return this.parsed(response);
  }
  /** GET /v1/stream: the bytes of its server-sent events. */
  async stream(): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.fetch('/v1/stream', { headers: { accept: 'text/event-stream' } });
    if (!response.ok || response.body === null) throw await this.failure(response);
    return this.bytesOf(response.body);
  }
  /** POST /v1/backup: the bytes of a tar archive. */
  async backup(): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.fetch('/v1/backup', { method: 'POST' });
    if (!response.ok || response.body === null) throw await this.failure(response);
    return this.bytesOf(response.body);
  }

  /** However the connection breaks (what it is called differs by how it was made), it has broken. */
  private async *bytesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } catch (error) {
      if (this.options.signal?.aborted === true) throw error;
      throw this.unreachable(error);
    }
  }

  private command<T = CommandAccepted>(model: string, verb: string, body: object): Promise<T> {
    return this.post(`/v1/models/${encodeURIComponent(model)}/${verb}`, JSON.stringify(body), JSON_BODY);
  }

  private async get<T>(path: string): Promise<T> {
    return this.read<T>(await this.fetch(path, {}));
  }

  private async post<T>(path: string, body?: string | Uint8Array, headers: Record<string, string> = {}): Promise<T> {
    return this.read<T>(
      await this.fetch(path, {
        method: 'POST',
        headers,
        ...(body === undefined ? {} : { body: body as string | Uint8Array<ArrayBuffer> }),
      }),
    );
  }

  private async fetch(path: string, init: RequestInit): Promise<Response> {
    const { token, signal, tls } = this.options;
    const headers = {
      ...(init.headers as Record<string, string>),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    try {
      const asked = { ...init, headers, ...(signal === undefined ? {} : { signal }) };
      const url = `${this.url}${path}`;
      return await (tls !== undefined && url.startsWith('https:') ? tlsFetch(url, asked, tls) : fetch(url, asked));
    } catch (error) {
      if (signal?.aborted === true) throw error;
      throw this.unreachable(error);
    }
  }

  private async read<T>(response: Response): Promise<T> {
    if (!response.ok) throw await this.failure(response);
    return this.parsed(response);
  }

  private async parsed<T>(response: Response): Promise<T> {
    const text = await response.text().catch((error: unknown) => {
      throw this.unreachable(error);
    });
    try {
      return JSON.parse(text) as T;
    } catch {
      const began = JSON.stringify(text.slice(0, 60));
      throw new CallFailed(
        response.status,
        'NOT_GYRE',
        `${this.url} answers, but not as Gyre does: ${began}; is the address right?`,
        {},
      );
    }
  }

  private async failure(response: Response): Promise<CallFailed> {
    const text = await response.text().catch(() => '');
    try {
      const { error, code } = JSON.parse(text) as FailureBody;
      if (typeof error === 'string') return new CallFailed(response.status, code ?? 'FAILED', error, {});
      return new CallFailed(response.status, error.code, error.message, error.details ?? {});
    } catch {
      const began = JSON.stringify(text.slice(0, 60));
      return new CallFailed(
        response.status,
        'NOT_GYRE',
        `${this.url} answered ${response.status} ${began}; is the address right?`,
        {},
      );
    }
  }

  private unreachable(error: unknown): Unreachable {
    const cause = Error.isError(error) && Error.isError(error.cause) ? error.cause : error;
    const code = (cause as { code?: unknown } | undefined)?.code;
    const failure = new Unreachable(
      this.url,
      typeof code === 'string' ? code : String((cause as Error | undefined)?.message ?? cause),
    );
    failure.cause = cause;
    return failure;
  }
}

/** A refusal as /v1 says it, or as the Open Inference Protocol's clients read it, under /v2. */
interface FailureBody {
  error: { code: string; message: string; details?: Record<string, unknown> } | string;
  code?: string;
}

const NOT_READY = 503;
const NDJSON_BODY = { 'content-type': 'application/x-ndjson' };
const JSON_BYTES = 'inference-header-content-length';
const JSON_BODY = { 'content-type': 'application/json' };

/** Events as the body of a call. */
export function eventLines(events: readonly IngestEvent[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}

function query(parameters: Record<string, string | number | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) search.set(name, String(value));
  return search.size === 0 ? '' : `?${search}`;
}

/** undici gives up on an answer after five minutes. */
function isTimeout(cause: unknown): boolean {
  return (cause as { code?: unknown } | undefined)?.code === 'UND_ERR_HEADERS_TIMEOUT';
}

import { request, type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { request as requestTls } from 'node:https';
import { GyreError } from '@gyre/contracts';
import { z } from 'zod';
import { nearest } from './spelling.js';
import { ClientTls, clientTlsOptions } from './tls.js';

export const PeersConfig = z.strictObject({
  /** What this process shows to its peers when it calls on its own account: a token of `auth.tokens`. */
  token: z.string().min(1).optional(),
  /** Base URLs by service, such as `registry: http://registry:8080`: HTTP calls for a service that does not run in this process go there. */
  http: z.record(z.string(), z.url({ protocol: /^https?$/, error: 'must be like http://registry:8080' })).default({}),
  /** Addresses by service, such as `feature-store: feature-store:8081`; the gateway looks features up there. */
  grpc: z
    .record(z.string(), z.string().regex(/^\S+:\d{1,5}$/, 'must be HOST:PORT, such as feature-store:8081'))
    .default({}),
  /** How peers that speak TLS are known, and what they are shown. With it, all gRPC to peers goes over TLS. */
  tls: ClientTls.optional(),
  /** A peer that owes an answer and is silent for so long is asked whether it lives, and given up if it does not say so in as long. */
  silenceMsMax: z.int().min(100).default(10_000),
});
export type PeersConfig = z.infer<typeof PeersConfig>;

/** A call for a peer. */
export interface PeerCall {
  method: string;
  /** With the query, from its first slash on. */
  path: string;
  headers?: OutgoingHttpHeaders;
  body?: Uint8Array | undefined;
  /** Aborted when nobody waits for the answer any more. */
  signal?: AbortSignal | undefined;
}

/** The processes that run what this one does not. */
export class Peers {
  readonly token: string | undefined;
  /** PEM; undefined where peers speak no TLS. */
  readonly tls: { ca?: Buffer; cert?: Buffer; key?: Buffer } | undefined;
  private readonly silenceMsMax: number;
  private readonly http: ReadonlyMap<string, string>;
  private readonly grpc: ReadonlyMap<string, string>;

  /**
   * @param here names of the services of this process: what is configured for them is for others
   * @param elsewhere names of all others
   * @throws GyreError CONFIG_INVALID for a name that is no service's
   */
  constructor(
    { token, http, grpc, tls, silenceMsMax }: PeersConfig,
    here: readonly string[],
    elsewhere: readonly string[],
  ) {
    this.token = token;
    this.silenceMsMax = silenceMsMax;
    this.tls = tls === undefined ? undefined : clientTlsOptions(tls, 'peers.tls');
    const known = [...here, ...elsewhere];
    for (const [kind, entries] of Object.entries({ http, grpc })) {
      for (const name of Object.keys(entries)) {
        if (known.includes(name)) continue;
        const meant = nearest(name, known);
        const advice = meant === undefined ? `there are: ${known.join(', ')}` : `did you mean "${meant}"?`;
        throw new GyreError('CONFIG_INVALID', `peers.${kind}.${name}: no service has this name; ${advice}`);
      }
    }
    const others = (entries: Record<string, string>): Map<string, string> =>
      new Map(Object.entries(entries).filter(([name]) => !here.includes(name)));
    this.http = others(http);
    this.grpc = others(grpc);
  }

  /** `HOST:PORT` of a service that runs elsewhere, if it is configured. */
  grpcAddress(service: string): string | undefined {
    return this.grpc.get(service);
  }

  /** One service of each other process. */
  get processes(): string[] {
    return [...new Map([...this.http].map(([service, url]) => [url, service])).values()];
  }

  /**
   * Calls a service in its process. The answer is whatever it is; its body is still to come. An answer may take its time, as that to
   * `POST /v1/settle` does, for as long as the process lives.
   *
   * @throws GyreError NOT_READY if there is none, or it does not answer; BAD_REQUEST for a path that would lead elsewhere; CANCELLED by the signal
   */
  call(service: string, { method, path, headers = {}, body, signal }: PeerCall): Promise<IncomingMessage> {
    const base = this.http.get(service);
    if (base === undefined) {
      const what = `${method} ${path} is answered by ${service}, which does not run in this process`;
      return Promise.reject(new GyreError('NOT_READY', `${what}; set peers.http.${service} to where it runs`));
    }
    const url = below(base, path);
    if (url === null) {
      const problem = `the request is for ${JSON.stringify(path)}; expected a path that begins with one slash`;
      return Promise.reject(new GyreError('BAD_REQUEST', problem));
    }
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const sent = this.send(url, { method, headers, signal }, resolve).once('error', (error) =>
      reject(
        signal?.aborted === true
          ? new GyreError('CANCELLED', `nobody waits any more for the answer of ${service} to ${method} ${path}`)
          : new GyreError('NOT_READY', `${service} at ${base} does not answer: ${error.message}`),
      ),
    );
    this.giveUpIfDead(sent, new URL('/healthz', url));
    sent.end(body);
    return promise;
  }

  private send(
    url: URL,
    options: { method: string; headers?: OutgoingHttpHeaders; signal?: AbortSignal | undefined },
    answered: (answer: IncomingMessage) => void,
  ): ClientRequest {
    const send = url.protocol === 'https:' ? requestTls : request;
    return send(url, { ...options, agent: false, ...this.tls }, answered);
  }

  /** Ends a call when the peer is silent and does not answer at `alive` either. */
  private giveUpIfDead(call: ClientRequest, alive: URL): void {
    const { silenceMsMax } = this;
    const dead = new Error(`it has been silent for ${2 * silenceMsMax} ms, also when it was asked whether it lives`);
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const wait = (): void => {
      timer = setTimeout(() => {
        const signal = AbortSignal.timeout(silenceMsMax);
        this.send(alive, { method: 'GET', signal }, (answer) => {
          answer.resume();
          if (!isOver) wait();
        })
          .once('error', () => isOver || call.destroy(dead))
          .end();
      }, silenceMsMax);
    };
    wait();
    for (const end of ['response', 'close'])
      call.once(end, () => {
        isOver = true;
        clearTimeout(timer);
      });
  }

  /** The header that tells a peer who calls, for calls on this process's own account. */
  ownAuthorization(): Record<string, string> {
    return this.token === undefined ? {} : { authorization: `Bearer ${this.token}` };
  }
}

/** Null for what names a host of its own, as `http://host/path`, `//host` and `/\\host` do: callers write paths, and must not choose who is called. */
function below(base: string, path: string): URL | null {
  const { origin } = new URL(base);
  if (!/^\/(?![/\\])/.test(path)) return null;
  const url = URL.parse(`${origin}${path}`);
  return url?.origin === origin ? url : null;
}

import { request, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
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
});
export type PeersConfig = z.infer<typeof PeersConfig>;

/** A call for a peer. */
export interface PeerCall {
  method: string;
  /** With the query, from its first slash on. */
  path: string;
  headers?: OutgoingHttpHeaders;
  body?: Uint8Array | undefined;
}

/** The processes that run what this one does not. */
export class Peers {
  readonly token: string | undefined;
  /** PEM; undefined where peers speak no TLS. */
  readonly tls: { ca?: Buffer; cert?: Buffer; key?: Buffer } | undefined;
  private readonly http: ReadonlyMap<string, string>;
  private readonly grpc: ReadonlyMap<string, string>;

  /**
   * @param here names of the services of this process: what is configured for them is for others
   * @param elsewhere names of all others
   * @throws GyreError CONFIG_INVALID for a name that is no service's
   */
  constructor({ token, http, grpc, tls }: PeersConfig, here: readonly string[], elsewhere: readonly string[]) {
    this.token = token;
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
   * Calls a service in its process. The answer is whatever it is; its body is still to come.
   * @throws GyreError NOT_READY if there is none, or it does not answer; BAD_REQUEST for a path that would lead elsewhere
   */
  call(service: string, { method, path, headers = {}, body }: PeerCall): Promise<IncomingMessage> {
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
    const send = url.protocol === 'https:' ? requestTls : request;
    send(url, { method, headers, agent: false, ...this.tls }, resolve)
      .once('error', (error) =>
        reject(new GyreError('NOT_READY', `${service} at ${base} does not answer: ${error.message}`)),
      )
      .end(body);
    return promise;
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

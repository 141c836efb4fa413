import { request } from 'node:https';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';

/** PEM. */
export interface TlsFiles {
  /** The authorities of servers' certificates; without, those that Node brings. */
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
}

/** As `fetch`, for https with authorities and a client's certificate of our own, which Node's does not take. Redirects are not followed. */
export async function tlsFetch(url: string, init: RequestInit, tls: TlsFiles): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const headers = init.headers as Record<string, string>;
  const options = { method: init.method ?? 'GET', headers, agent: false, ...tls };
  request(url, { ...options, ...(init.signal ? { signal: init.signal } : {}) }, (answer) => {
    const status = answer.statusCode ?? 502;
    const told = Object.entries(answer.headers).flatMap(([name, value]) =>
      [value ?? []].flat().map((one): [string, string] => [name, one]),
    );
    const body = [204, 205, 304].includes(status) ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>);
    resolve(new Response(body as ConstructorParameters<typeof Response>[0], { status, headers: told }));
  })
    .once('error', reject)
    .end(init.body as string | Uint8Array | undefined);
  return promise;
}

import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { RequestMethod, type DynamicModule, type Type } from '@nestjs/common';
import { METHOD_METADATA, MODULE_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { errors, GyreError } from '@gyre/contracts';
import { READING } from './call-guard.js';
import { cameOverTls, FORWARDED, sessionIn, type Callers } from './callers.js';
import { failureBody } from './failure-body.js';
import type { Service } from './host.js';
import { signalOfGoing } from './http.js';
import { neededBy } from './needs.js';
import type { Peers } from './peers.js';

interface Route {
  method: string;
  /** As Fastify takes it. */
  path: string;
  /** Whether callers need not be known. */
  open: boolean;
}

/** Of one connection, not of the call; and what this process has checked already. */
const OWN_HEADERS = new Set(
  'connection host keep-alive origin proxy-authorization proxy-connection te trailer transfer-encoding upgrade'.split(
    ' ',
  ),
);

/**
 * Answers the calls for services that run elsewhere by asking them there. So the whole interface is to be had from each process, and the
 * console's pages and the command line need one address only.
 *
 * The caller's own token goes along, and the name in the timeline stays theirs. A certificate cannot be passed on: who is known by it alone is
 * told to bring a token, for the other process must not take them for this one.
 */
export function forwardCalls(
  app: NestFastifyApplication,
  elsewhere: readonly Service[],
  peers: Peers,
  callers: Callers,
): void {
  const fastify = app.getHttpAdapter().getInstance();
  for (const { name, module } of elsewhere) {
    for (const { method, path, open } of routesOf(module)) {
      fastify.route({
        method,
        url: path,
        handler: async (request, reply) => {
          try {
            callers.names.refuseForeignHost(request.headers);
            if (!READING.has(request.method)) callers.names.refuseForeignPages(headersOf(request.headers));
            // What they may do is asked where the call is answered.
            if (!open) {
              await callers.identify(request.headers, request.socket);
              refuseByCertificateAlone(request, name, callers);
            }
            const headers = forwardedHeaders(request, callers);
            const body = request.body as Buffer | undefined;
            const signal = signalOfGoing(reply.raw);
            const answer = await peers.call(name, { method: request.method, path: request.url, headers, body, signal });
            reply.status(answer.statusCode ?? 502).headers(withoutOwn(answer.headers));
            return reply.send(answer);
          } catch (error) {
            if (!(error instanceof GyreError)) throw error;
            return reply.status(errors[error.code].http).send(failureBody(request.url, error));
          }
        },
      });
    }
  }
}

/** The HTTP routes of a module's controllers, read from what their decorators left. */
function routesOf(module: Type<unknown> | DynamicModule): Route[] {
  const own =
    'module' in module
      ? (module.controllers ?? [])
      : ((Reflect.getMetadata(MODULE_METADATA.CONTROLLERS, module) ?? []) as Type<unknown>[]);
  return own.flatMap((controller) => {
    const prefixes = listOf(Reflect.getMetadata(PATH_METADATA, controller));
    const handlers = Object.values(Object.getOwnPropertyDescriptors(controller.prototype)).map(({ value }) => value);
    return handlers.flatMap((handler) => {
      if (typeof handler !== 'function') return [];
      const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
      if (method === undefined) return [];
      const paths = listOf(Reflect.getMetadata(PATH_METADATA, handler));
      return prefixes.flatMap((prefix) =>
        paths.map((path) => ({
          method: RequestMethod[method],
          path: joined(prefix, path),
          open: neededBy(handler as object, controller) === 'open',
        })),
      );
    });
  });
}

/** As much of a request as tells who sends it, and how. */
type Incoming = Pick<IncomingMessage, 'headers'> & { method: string; url: string; socket: object };

/** @throws GyreError UNAUTHENTICATED */
function refuseByCertificateAlone({ method, url, headers }: Incoming, service: string, callers: Callers): void {
  const { authorization, apiKey } = callers.shown(headers);
  if (!callers.required || authorization !== undefined || apiKey !== undefined) return;
  throw new GyreError(
    'UNAUTHENTICATED',
    `${method} ${url} is answered by ${service} in another process, to which a client certificate cannot be passed on; send a token too, or call the process that runs ${service}`,
  );
}

function forwardedHeaders(request: Incoming, callers: Callers): OutgoingHttpHeaders {
  const headers = withoutOwn(request.headers);
  // Of changes it has been checked here, with the origin that it goes with.
  if (!READING.has(request.method)) delete headers['sec-fetch-site'];
  const scheme = cameOverTls(request) ? 'https' : 'http';
  return { ...headers, ...sessionAsHeader(request.headers, callers), [FORWARDED]: scheme };
}

/** The process that is asked may not know the session, but it knows the token that the session stands for. */
function sessionAsHeader(headers: IncomingMessage['headers'], callers: Callers): Record<string, string> {
  const { authorization } = sessionIn(headers) === undefined ? {} : callers.shown(headers);
  return authorization === undefined ? {} : { authorization };
}

function listOf(paths: unknown): string[] {
  return (Array.isArray(paths) ? paths : [paths ?? '/']) as string[];
}

function joined(...parts: readonly string[]): string {
  return `/${parts
    .flatMap((part) => part.split('/'))
    .filter((part) => part !== '')
    .join('/')}`;
}

/** Two cookies stay two: joined by commas they would be none. */
function withoutOwn(headers: IncomingMessage['headers']): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || OWN_HEADERS.has(name) ? [] : [[name, value]],
    ),
  );
}

function headersOf({ host, origin, 'sec-fetch-site': site }: IncomingMessage['headers']): {
  host: string | undefined;
  origin: string | undefined;
  'sec-fetch-site': string | undefined;
} {
  return { host, origin, 'sec-fetch-site': Array.isArray(site) ? site[0] : site };
}

import type { IncomingMessage } from 'node:http';
import { RequestMethod, type DynamicModule, type Type } from '@nestjs/common';
import { METHOD_METADATA, MODULE_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { errors, GyreError } from '@gyre/contracts';
import { READING } from './call-guard.js';
import { sessionIn, type Callers } from './callers.js';
import type { Service } from './host.js';
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
  'connection host keep-alive origin proxy-authorization proxy-connection sec-fetch-site te trailer transfer-encoding upgrade'.split(
    ' ',
  ),
);

/**
 * Answers the calls for services that run elsewhere by asking them there, so that the whole interface is to be had from each process: the
 * console's pages and the command line need one address only. The caller's own token goes along, and the name in the timeline stays theirs.
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
            const headers = { ...withoutOwn(request.headers), ...sessionAsHeader(request.headers, callers) };
            callers.names.refuseForeignHost(request.headers);
            if (!READING.has(request.method)) callers.names.refuseForeignPages(headersOf(request.headers));
            // What they may do is asked where the call is answered.
            if (!open) await callers.identify(request.headers, request.socket);
            const body = request.body as Buffer | undefined;
            const answer = await peers.call(name, { method: request.method, path: request.url, headers, body });
            reply.status(answer.statusCode ?? 502).headers(withoutOwn(answer.headers));
            return reply.send(answer);
          } catch (error) {
            if (!(error instanceof GyreError)) throw error;
            const { code, message, details } = error;
            return reply.status(errors[code].http).send({ error: { code, message, details } });
          }
        },
      });
    }
  }
}

/** The HTTP routes of a module's controllers, read from what their decorators left. */
export function routesOf(module: Type<unknown> | DynamicModule): Route[] {
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

function withoutOwn(headers: IncomingMessage['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || OWN_HEADERS.has(name) ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
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

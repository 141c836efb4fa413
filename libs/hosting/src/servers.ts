import { STATUS_CODES, type Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { GyreError } from '@gyre/contracts';
import { failureBody } from './failure-body.js';
import type { HttpConfig } from './hosting.config.js';
import { serverTlsOptions } from './tls.js';

/** How often slow clients are looked for. */
const CHECK_EVERY_MS = 2_000;

/** The HTTP server's options: its limits, and TLS where it is configured. */
export function fastifyOptions(http: HttpConfig): ConstructorParameters<typeof FastifyAdapter>[0] {
  const server = { maxHeaderSize: http.headerBytesMax, connectionsCheckingInterval: CHECK_EVERY_MS };
  const common = {
    bodyLimit: http.bodyBytesMax,
    forceCloseConnections: true,
    keepAliveTimeout: http.keepAliveSeconds * 1_000,
    requestTimeout: http.requestTimeoutSeconds * 1_000,
    frameworkErrors,
    clientErrorHandler,
  };
  if (http.tls === undefined) return { ...common, http: server };
  return { ...common, https: { ...server, ...serverTlsOptions(http.tls, 'http.tls') } } as typeof common;
}

/** What no route is asked for, such as a path whose percent-encoding is broken. */
function frameworkErrors(error: Error, { url }: { url: string }, reply: Answering): void {
  void reply.status(400).send(failureBody(url, new GyreError('BAD_REQUEST', error.message)) as never);
}

/** As much of Fastify's reply as is needed, whatever types its bodies have. */
interface Answering {
  status(code: number): { send(body: never): unknown };
}

const STATUS_OF: Readonly<Record<string, number>> = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 };

/** What is not even a request: nobody knows what it asks for, so that its answer is one that clients of any kind can read. */
function clientErrorHandler({ code = '', message }: Error & { code?: string }, socket: Socket): void {
  if (code === 'ECONNRESET' || socket.destroyed) return;
  const status = STATUS_OF[code] ?? 400;
  const body = JSON.stringify({ error: `${STATUS_CODES[status]}: ${message}`, code: 'BAD_REQUEST' });
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close`;
  if (socket.writable) socket.write(`${head}\r\n\r\n${body}`);
  socket.destroySoon();
}

/** A client that sends its request a byte at a time is cut off, and more than so many are not let in. */
export function boundConnections(server: HttpServer, http: HttpConfig): void {
  server.headersTimeout = Math.min(http.headersTimeoutSeconds, http.requestTimeoutSeconds) * 1_000;
  server.requestTimeout = http.requestTimeoutSeconds * 1_000;
  server.maxConnections = http.connectionsMax;
}

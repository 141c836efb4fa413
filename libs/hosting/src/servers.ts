import type { Server as HttpServer } from 'node:http';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { HttpConfig } from './hosting.config.js';
import { serverTlsOptions } from './tls.js';
import { answerExpectation, answerMalformedPath, answerUnreadable } from './unreadable-requests.js';

/** How often slow clients are looked for. */
const CHECK_EVERY_MS = 2_000;

/** The HTTP server's options: its limits, and TLS where it is configured. */
export function fastifyOptions(http: HttpConfig): ConstructorParameters<typeof FastifyAdapter>[0] {
  const server = {
    maxHeaderSize: http.headerBytesMax,
    connectionsCheckingInterval: CHECK_EVERY_MS,
    // Node refuses without a word; calls are refused in OwnNames.
    requireHostHeader: false,
  };
  const common = {
    bodyLimit: http.bodyBytesMax,
    // Fastify's types tie what is sent to a route, and here there is none.
    frameworkErrors: answerMalformedPath as () => void,
    clientErrorHandler: answerUnreadable,
    forceCloseConnections: true,
    keepAliveTimeout: http.keepAliveSeconds * 1_000,
    requestTimeout: http.requestTimeoutSeconds * 1_000,
  };
  if (http.tls === undefined) return { ...common, http: server };
  return { ...common, https: { ...server, ...serverTlsOptions(http.tls, 'http.tls') } } as typeof common;
}

/** A client that sends its request a byte at a time is cut off, and more than so many are not let in; one that expects what is not done here is told. */
export function boundConnections(server: HttpServer, http: HttpConfig): void {
  server.on('checkExpectation', answerExpectation);
  server.headersTimeout = Math.min(http.headersTimeoutSeconds, http.requestTimeoutSeconds) * 1_000;
  server.requestTimeout = http.requestTimeoutSeconds * 1_000;
  server.maxConnections = http.connectionsMax;
}

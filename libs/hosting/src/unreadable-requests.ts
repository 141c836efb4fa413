import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { GyreError } from '@gyre/contracts';
import { failureBody } from './failure-body.js';
import type { HttpRequest } from './http.js';

/** Answers a request whose path is none, so that there can be no route for it. */
export function answerMalformedPath(
  { statusCode = 400, message }: Error & { statusCode?: number },
  { url }: Pick<HttpRequest, 'url'>,
  reply: { status(code: number): { send(payload: unknown): unknown } },
): void {
  const advice = statusCode === 400 ? 'percent-encoded UTF-8' : 'shorter names in it';
  const failure = new GyreError('BAD_REQUEST', `the path cannot be read: ${message}; expected ${advice}`);
  reply.status(statusCode).send(failureBody(url, failure));
}

/** Answers a request with a header Expect that says something else than 100-continue. */
export function answerExpectation({ url = '/', headers }: IncomingMessage, response: ServerResponse): void {
  const failure = new GyreError(
    'BAD_REQUEST',
    `nothing is known of "Expect: ${headers.expect}"; expected 100-continue`,
  );
  response.writeHead(417, { 'content-type': 'application/json; charset=utf-8', connection: 'close' });
  response.end(JSON.stringify(failureBody(url, failure)));
}

/**
 * Answers what is no request that can be read. What it was to be nobody can tell, so the answer has the form that all clients bear, that of /v2.
 */
export function answerUnreadable({ code }: { code?: string | undefined }, socket: Socket): void {
  if (code === 'ECONNRESET' || !socket.writable) return;
  // In the middle of an answer there is no room for another one.
  if ((socket as Socket & { _httpMessage?: { _headerSent: boolean } })._httpMessage?._headerSent === true)
    return void socket.destroy();
  const [status, problem] = PROBLEMS[code ?? ''] ?? [400, 'what came is no HTTP request; expected HTTP/1.1'];
  const body = JSON.stringify(failureBody('/v2', new GyreError('BAD_REQUEST', problem)));
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json; charset=utf-8`;
  const length = `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close`;
  // What else comes is read away: a client that writes all before it reads would find a broken connection, and not the answer.
  socket.end(`${head}\r\n${length}\r\n\r\n${body}`).resume();
  setTimeout(() => socket.destroy(), READ_AWAY_MS).unref();
}

const READ_AWAY_MS = 2_000;

const PROBLEMS: Readonly<Record<string, readonly [status: number, problem: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'the headers are too large; http.headerBytesMax says how large they may be'],
  ERR_HTTP_REQUEST_TIMEOUT: [
    408,
    'the request did not come in time; http.headersTimeoutSeconds and http.requestTimeoutSeconds say how long it may take',
  ],
};

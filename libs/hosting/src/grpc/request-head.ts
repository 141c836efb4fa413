import { ErrorCode, StreamError } from './http2-frames.js';

/** What a call's headers say. Calls whose headers are alike share it: nobody may change it. */
export interface RequestHead {
  method: string;
  path: string;
  /** All but the pseudo-headers, names and values in turn. */
  fields: readonly string[];
  contentType: string;
  authorization: string | undefined;
  /** grpc-encoding and grpc-timeout, as they came. */
  encoding: string | undefined;
  timeout: string | undefined;
  /** undefined: not said. */
  contentLength: number | undefined;
}

const PSEUDO = new Set([':method', ':scheme', ':path', ':authority']);
/** Of a connection, and so of no request: RFC 9113, section 8.2.2. */
const OF_CONNECTIONS = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

/**
 * @param list names and values in turn
 * @throws StreamError PROTOCOL_ERROR for a malformed request: RFC 9113, section 8.1.1
 */
export function requestHead(list: readonly string[]): RequestHead {
  const pseudo: Record<string, string> = {};
  const fields: string[] = [];
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] as string;
    if (name.charCodeAt(0) !== COLON) {
      const value = withoutSpaces(list[i + 1] as string);
      checkField(name, value);
      fields.push(name, value);
      continue;
    }
    const value = list[i + 1] as string;
    if (fields.length > 0) throw malformed(`${name} comes after other headers`);
    if (!PSEUDO.has(name)) throw malformed(`${JSON.stringify(name)} is no header of a request`);
    checkValue(name, value);
    if (name in pseudo) throw malformed(`${name} comes twice`);
    pseudo[name] = value;
  }
  const { ':method': method, ':path': path, ':scheme': scheme } = pseudo;
  if (!method || !path || !scheme) throw malformed(':method, :path or :scheme is missing');
  const length = valueOf(fields, 'content-length');
  for (let i = 0; i < fields.length; i += 2)
    if (fields[i] === 'content-length' && fields[i + 1] !== length) throw malformed('content-length says two lengths');
  if (length !== undefined && !/^\d{1,15}$/.test(length)) throw malformed('content-length is no number');
  return {
    method,
    path,
    fields,
    contentType: valueOf(fields, 'content-type') ?? '',
    authorization: valueOf(fields, 'authorization'),
    encoding: valueOf(fields, 'grpc-encoding'),
    timeout: valueOf(fields, 'grpc-timeout'),
    contentLength: length === undefined ? undefined : Number(length),
  };
}

/** @throws StreamError PROTOCOL_ERROR for trailers that may not be */
export function checkTrailers(list: readonly string[]): void {
  for (let i = 0; i < list.length; i += 2) checkField(list[i] as string, list[i + 1] as string);
}

/** The first of that name. @param fields names and values in turn */
export function valueOf(fields: readonly string[], name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1];
  return undefined;
}

function checkField(name: string, value: string): void {
  if (!NAME.test(name)) throw malformed(`${JSON.stringify(name)} is no name of a header in lower case`);
  if (OF_CONNECTIONS.has(name)) throw malformed(`${name} has no place in HTTP/2`);
  if (name === 'te' && value !== 'trailers') throw malformed('te may only say trailers');
  checkValue(name, value);
}

/**
 * Metadata without the spaces at its ends, which gRPC lets a server strip: a client whose token is empty sends "Bearer ", and is to be told that
 * it has none. Reset, as RFC 9113 has it, it would look for a fault of the server's.
 */
function withoutSpaces(value: string): string {
  let [from, to] = [0, value.length];
  while (from < to && value.charCodeAt(from) === SPACE) from += 1;
  while (to > from && value.charCodeAt(to - 1) === SPACE) to -= 1;
  return value.slice(from, to);
}

/** RFC 9113, section 8.2.1. */
function checkValue(name: string, value: string): void {
  if (/[\0\r\n]|^[ \t]|[ \t]$/.test(value))
    throw malformed(`${name} holds a NUL or a line break, or has a space at one of its ends`);
}

const COLON = 58;
const SPACE = 32;

function malformed(problem: string): StreamError {
  return new StreamError(ErrorCode.protocolError, `the request is malformed: ${problem}`);
}

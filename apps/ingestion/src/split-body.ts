import { ID_LENGTH_MAX } from '@gyre/contracts';
import { isDeepJson, JSON_DEPTH_MAX } from '@gyre/hosting';

/** An event as it will lie in gyre.ingest. */
export interface RawEvent {
  key: string;
  bytes: Uint8Array;
}

const NEWLINE = 0x0a;
const SPACE = 0x20;
const ZERO = 0x30;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The events of a request body, each as its own bytes: one a line (NDJSON), or a JSON array, or one JSON value. Nothing is refused here, so that
 * what is broken takes the same way as everything else, to the dead letters.
 */
export function splitBody(body: Uint8Array, contentType: string): RawEvent[] {
  if (contentType.includes('ndjson') || contentType.includes('jsonl')) return lines(body).map(raw);
  const json = parsed(withoutDeepElements(body), JSON_DEPTH_MAX + 1);
  if (!Array.isArray(json)) return body.length === 0 ? [] : [{ key: keyOf(json), bytes: body }];
  return elements(body).map((bytes, index) => ({ key: keyOf(json[index]), bytes }));
}

/** An array's elements that are too deep to be parsed are 0 in what is parsed, so that its other events do not suffer for them. */
function withoutDeepElements(body: Uint8Array): Uint8Array {
  if (!isDeepJson(body, { depthMax: JSON_DEPTH_MAX + 1 })) return body;
  const shallow = body.slice();
  for (const element of elements(body)) {
    if (!isDeepJson(element)) continue;
    const from = element.byteOffset - body.byteOffset;
    shallow.fill(SPACE, from, from + element.length)[from] = ZERO;
  }
  return shallow;
}

function lines(body: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let from = 0; from < body.length;) {
    const end = body.indexOf(NEWLINE, from);
    const line = body.subarray(from, end === -1 ? body.length : end);
    if (line.some((byte) => byte > 0x20)) found.push(line);
    from += line.length + 1;
  }
  return found;
}

/** The elements of what is known to be a JSON array, as they stand there: nothing is lost or mended on the way. */
function elements(array: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  let depth = 0;
  let from = 0;
  let inString = false;
  for (let at = 0; at < array.length; at++) {
    const byte = array[at] as number;
    if (inString) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (OPENING.has(byte)) {
      if (depth === 0) from = at + 1;
      depth += 1;
    } else if (CLOSING.has(byte) || (byte === COMMA && depth === 1)) {
      if (byte !== COMMA) depth -= 1;
      if (byte !== COMMA && depth > 0) continue;
      const element = array.subarray(from, at);
      if (element.some((each) => each > 0x20)) found.push(element);
      from = at + 1;
    }
  }
  return found;
}

/** Events of one id share a partition, where the repeat of an id is noticed. What is no id becomes none: it may be of any length. */
function keyOf(json: unknown): string {
  const id = typeof json === 'object' && json !== null ? (json as { id?: unknown }).id : undefined;
  return typeof id === 'string' && id.length <= ID_LENGTH_MAX ? id : '';
}

function raw(bytes: Uint8Array): RawEvent {
  return { key: keyOf(parsed(bytes)), bytes };
}

/** undefined for what is no JSON in UTF-8, or so deep that it is not to be parsed */
function parsed(bytes: Uint8Array, depthMax = JSON_DEPTH_MAX): unknown {
  if (isDeepJson(bytes, { depthMax })) return undefined;
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    return undefined;
  }
}

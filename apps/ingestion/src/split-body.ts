/** An event as it will lie in gyre.ingest. */
export interface RawEvent {
  key: string;
  bytes: Uint8Array;
}

const NEWLINE = 0x0a;

/**
 * The events of a request body, each as its own bytes: one a line (NDJSON), or a JSON array, or one JSON value. Nothing is refused here, so that
 * what is broken takes the same way as everything else, to the dead letters.
 */
export function splitBody(body: Uint8Array, contentType: string): RawEvent[] {
  if (contentType.includes('ndjson') || contentType.includes('jsonl')) return lines(body).map(raw);
  const json = parsed(body);
  if (!Array.isArray(json)) return body.length === 0 ? [] : [raw(body)];
  const encoder = new TextEncoder();
  return json.map((value) => raw(encoder.encode(JSON.stringify(value))));
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

/** Events of one id share a partition, where the repeat of an id is noticed. */
function raw(bytes: Uint8Array): RawEvent {
  const json = parsed(bytes);
  const id = typeof json === 'object' && json !== null ? (json as { id?: unknown }).id : undefined;
  return { key: typeof id === 'string' ? id : '', bytes };
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

import { IngestEvent } from '@gyre/contracts';
import { isDeepJson, JSON_DEPTH_MAX } from '@gyre/hosting';

/** What a producer's bytes turned out to be. */
export type Parsed =
  | { event: IngestEvent; json: unknown; refusal?: never }
  | { event?: never; json: unknown; refusal: { code: 'INVALID_UTF8' | 'NOT_JSON' | 'BAD_EVENT'; reason: string } };

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Reads one event: UTF-8, then JSON, then the shape. `json` is undefined where it is no JSON, or so deep that it is not parsed. */
export function parseEvent(bytes: Uint8Array): Parsed {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return {
      json: undefined,
      refusal: { code: 'INVALID_UTF8', reason: `the event's ${bytes.length} bytes are not UTF-8; send JSON in UTF-8` },
    };
  }
  if (isDeepJson(bytes)) {
    const reason = `event: its lists and objects lie more than ${JSON_DEPTH_MAX} deep in one another; values are numbers, texts, true, false or null`;
    return { json: undefined, refusal: { code: 'BAD_EVENT', reason } };
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    // V8 quotes the text in its message, which may hold private fields: only the place is told.
    const place = /position \d+(?: \(line \d+ column \d+\))?/.exec((error as Error).message)?.[0];
    const where = place === undefined ? '' : ` at ${place}`;
    return {
      json: undefined,
      refusal: {
        code: 'NOT_JSON',
        reason: `the event is not JSON${where}; NaN and Infinity are no JSON either: send null, or nothing`,
      },
    };
  }
  const parsed = IngestEvent.safeParse(json);
  if (parsed.success) return { event: parsed.data, json };
  const problems = parsed.error.issues.map((issue) => {
    const path = issue.path.join('.') || 'event';
    if (issue.code === 'invalid_union' && issue.path[0] === 'type') return 'type: must be "features" or "label"';
    if (issue.code === 'unrecognized_keys')
      return `${path}: no event has ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
    if (path === 'event' && issue.code === 'invalid_type') return 'event: must be a JSON object';
    const isMissing = !Object.hasOwn(Object(json) as object, String(issue.path[0]));
    return `${path}: ${issue.message.replace(/^Invalid input: /, '')}${isMissing ? '; it is missing' : ''}`;
  });
  return { json, refusal: { code: 'BAD_EVENT', reason: problems.join('; ') } };
}

import { GyreError } from '@gyre/contracts';

/** No JSON that is taken here has lists and objects in one another so deep. */
export const JSON_DEPTH_MAX = 64;
const [OPEN_LIST, OPEN_OBJECT, CLOSE_LIST, CLOSE_OBJECT, QUOTE, BACKSLASH] = [0x5b, 0x7b, 0x5d, 0x7d, 0x22, 0x5c];

/**
 * Whether JSON has lists and objects more than `depthMax` deep in one another. To be asked before it is parsed: some megabytes of brackets take
 * the parser seconds, and a hundred times their size in memory. One pass over the bytes; what is no JSON is left for the parser to say.
 *
 * @param options.end where the JSON ends
 */
export function isDeepJson(
  bytes: Uint8Array,
  { end = bytes.length, depthMax = JSON_DEPTH_MAX }: { end?: number | undefined; depthMax?: number } = {},
): boolean {
  let depth = 0;
  for (let i = 0; i < end; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) {
      for (i++; i < end && bytes[i] !== QUOTE; i++) if (bytes[i] === BACKSLASH) i++;
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (++depth > depthMax) return true;
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
  }
  return false;
}

/**
 * Refuses a body of lists in lists without end before it is parsed.
 *
 * @param end where the JSON ends
 * @throws GyreError BAD_REQUEST
 */
export function refuseDeepJson(bytes: Uint8Array, end?: number): void {
  if (isDeepJson(bytes, { end }))
    throw new GyreError(
      'BAD_REQUEST',
      `the body has lists and objects more than ${JSON_DEPTH_MAX} deep in one another`,
    );
}

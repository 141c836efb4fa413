import { GyreError } from '@gyre/contracts';

/** No JSON that is taken here has lists and objects in one another so deep. */
const DEPTH_MAX = 64;
const [OPEN_LIST, OPEN_OBJECT, CLOSE_LIST, CLOSE_OBJECT, QUOTE, BACKSLASH] = [0x5b, 0x7b, 0x5d, 0x7d, 0x22, 0x5c];

/**
 * Refuses JSON of lists in lists without end before it is parsed: some megabytes of brackets take the parser seconds, and a hundred times their
 * size in memory. One pass over the bytes; what is no JSON is left for the parser to say.
 *
 * @param end where the JSON ends
 * @throws GyreError BAD_REQUEST
 */
export function refuseDeepJson(bytes: Uint8Array, end = bytes.length): void {
  let depth = 0;
  for (let i = 0; i < end; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) {
      for (i++; i < end && bytes[i] !== QUOTE; i++) if (bytes[i] === BACKSLASH) i++;
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (++depth > DEPTH_MAX)
        throw new GyreError('BAD_REQUEST', `the body has lists and objects more than ${DEPTH_MAX} deep in one another`);
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
  }
}

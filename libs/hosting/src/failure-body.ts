import type { GyreError } from '@gyre/contracts';

const OPEN_INFERENCE_PROTOCOL = /^\/v2(?:[/?]|$)/;

/**
 * A failure's JSON: `{ error: { code, message, details } }`. Under /v2 it is `{ error: message, code }`: clients of the Open Inference Protocol
 * take `error` for a text, and break at anything else.
 */
export function failureBody(url: string, { code, message, details }: GyreError): object {
  return OPEN_INFERENCE_PROTOCOL.test(url) ? { error: message, code } : { error: { code, message, details } };
}

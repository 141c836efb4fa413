import type { GyreError } from '@gyre/contracts';

const OPEN_INFERENCE = /^\/v2(?:[/?]|$)/;

/**
 * The body of a failure over HTTP: `{ error: { code, message, details } }`, but under /v2 what clients of the Open Inference Protocol read,
 * `{ error: message, code }`.
 */
export function failureBody(url: string, { code, message, details }: GyreError): object {
  return OPEN_INFERENCE.test(url) ? { error: message, code } : { error: { code, message, details } };
}

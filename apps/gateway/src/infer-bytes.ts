import type { Caller } from './caller.js';
import type { Inference } from './infer.js';
import { encodeAnswer } from './oip-answer.js';
import { decodeRequest } from './oip-request.js';

/**
 * ModelInfer, bytes in and bytes out: whatever transport carries the messages calls this.
 * @throws GyreError by rejection, see Inference.infer and decodeRequest
 */
export async function inferBytes(inference: Inference, message: Buffer, caller?: Caller): Promise<Buffer> {
  let raw = false;
  const answer = await inference.infer(() => {
    const request = decodeRequest(message);
    // A request without tensors shows no wish; raw contents are what clients such as tritonclient read.
    raw = request.raw || request.inputs.length === 0;
    return request;
  }, caller);
  return encodeAnswer(answer, raw);
}

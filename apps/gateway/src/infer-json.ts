import type { Caller } from './caller.js';
import type { Inference } from './infer.js';
import { decodeJson, encodeJson, type HttpMessage, type JsonRequest } from './oip-json.js';

/**
 * POST /v2/models/:model/infer, message in and message out.
 * @throws GyreError by rejection, see Inference.infer and decodeJson
 */
export async function inferJson(
  inference: Inference,
  model: string,
  version: string,
  message: HttpMessage,
  caller?: Caller,
): Promise<HttpMessage> {
  let isBinary: JsonRequest['isBinary'] = () => false;
  const answer = await inference.infer(() => {
    const decoded = decodeJson(model, version, message);
    isBinary = decoded.isBinary;
    return decoded.request;
  }, caller);
  return encodeJson(answer, isBinary);
}

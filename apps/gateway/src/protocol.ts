/** What a client of the gateway in this repository needs of the protocol: its messages and their codec. */
export { decodeAnswer } from './oip-answer.js';
export { type HttpMessage } from './oip-json.js';
export { decodeJsonAnswer, encodeJsonRequest } from './oip-json-client.js';
export { encodeRequest } from './oip-request.js';
export type { Datatype, InferAnswer, InferRequest, ModelMetadata, Tensor, TensorMetadata } from './oip.js';

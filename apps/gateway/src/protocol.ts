/** What a client of the gateway in this repository needs of the protocol: its messages and their codec. */
export { decodeAnswer } from './oip-answer.js';
export { encodeRequest } from './oip-request.js';
export type { InferAnswer, InferRequest } from './oip.js';

import type { Socket } from 'node:net';
import type { Budget } from './budget.js';
import type { Http2Connection } from './http2-connection.js';
import type { Http2Stream } from './http2-stream.js';
import type { Slabs, TurnEnd } from './outbox.js';
import type { RequestHead } from './request-head.js';

export interface ConnectionLimits {
  streamsMax: number;
  headerBytesMax: number;
  /** Until the client has said what it is; and for how long it may leave a frame, a request or an answer's reading unfinished. */
  handshakeMsMax: number;
  stallMsMax: number;
  /** After so long a silence the client is asked whether it is there, and has `stallMsMax` to say so. */
  silenceMsMax: number;
}

/** What connections of one server share. */
export interface ConnectionContext {
  limits: ConnectionLimits;
  budget: Budget;
  /** How much of it a connection's requests may take before their handlers have them. */
  requestBytesMax: number;
  slabs: Slabs;
  turnEnd: TurnEnd;
  /** @param last whether the headers are all that the request has */
  open(connection: Http2Connection, id: number, head: RequestHead, last: boolean): Http2Stream;
  /** The headers of a request were too many to be read. */
  headersTooLarge(connection: Http2Connection, id: number, last: boolean): Http2Stream;
}

/** Why a connection is no more, for those who count. */
export type Ending = 'client' | 'drained' | 'handshake' | 'stalled' | 'silent' | 'protocol' | 'abuse' | 'defect';

/** Where a client is: `address:port`. */
export function peerOf({ remoteAddress, remotePort }: Socket): string {
  return remoteAddress === undefined ? 'unknown' : `${remoteAddress}:${remotePort}`;
}

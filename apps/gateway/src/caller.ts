import { GyreError } from '@gyre/contracts';
import { Identity, type GrpcCall } from '@gyre/hosting';

/** Who waits for an answer, and for how long. */
export interface Caller {
  /** For limits: the name that a token gives, or the address that the request came from. */
  readonly client: string;
  /** What it may do. */
  readonly identity: Identity;
  /** Until when it waits, UTC milliseconds; Infinity where it did not say. */
  readonly deadlineAt: number;
  /** Whether it has gone. */
  readonly cancelled: boolean;
}

/** Of whom nothing is known: this process itself, a test. */
export const ANYBODY: Caller = { client: '', identity: Identity.LOCAL, deadlineAt: Infinity, cancelled: false };

export function grpcCaller(call: GrpcCall, identity: Identity): Caller {
  return {
    client: identity.named ? identity.name : hostOf(call.getPeer()),
    identity,
    deadlineAt: call.getDeadline(),
    get cancelled() {
      return call.cancelled;
    },
  };
}

/** @param connection of the request; when it closes before the answer, nobody waits any more */
export function httpCaller(identity: Identity, address: string, connection: { readonly destroyed: boolean }): Caller {
  return {
    client: identity.named ? identity.name : address,
    identity,
    deadlineAt: Infinity,
    get cancelled() {
      return connection.destroyed;
    },
  };
}

/**
 * Until when a request is worth working on, UTC milliseconds: the transport's deadline, or the parameter `timeout` (microseconds, as Triton's
 * clients send it), whichever is earlier.
 * @throws GyreError BAD_REQUEST
 */
export function deadlineOf(caller: Caller, timeout: string | number | boolean | undefined, now: number): number {
  if (timeout === undefined) return caller.deadlineAt;
  const micros = Number(timeout);
  if (typeof timeout === 'boolean' || timeout === '' || !(micros > 0))
    throw new GyreError(
      'BAD_REQUEST',
      `the parameter timeout is ${JSON.stringify(timeout)}; expected microseconds, from 1 on`,
    );
  return Math.min(caller.deadlineAt, now + micros / 1_000);
}

/** An address without its port. */
function hostOf(peer: string): string {
  return peer.replace(/:\d+$/, '');
}

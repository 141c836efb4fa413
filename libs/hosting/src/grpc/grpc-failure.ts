import { status } from '@grpc/grpc-js';

/** A status that is not OK, with what goes along. */
export class GrpcFailure extends Error {
  constructor(
    readonly code: number,
    readonly details: string,
    /** Further trailers, names and values. */
    readonly trailers: readonly (readonly [string, string])[] = [],
  ) {
    super(details);
  }
}

const DETAILS_MAX = 2_000;

/** As the protocol writes messages of statuses: printable ASCII, the rest percent-encoded; and no longer than headers may be. */
export function percentEncoded(text: string): string {
  return text
    .slice(0, DETAILS_MAX)
    .toWellFormed()
    .replace(/[^\x20-\x24\x26-\x7e]/gu, encodeURIComponent);
}

const TIMEOUT = /^(\d{1,8})([HMSmun])$/;
const UNIT_MS: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };

/**
 * @param header grpc-timeout
 * @returns milliseconds; Infinity where nothing was said
 * @throws GrpcFailure INVALID_ARGUMENT
 */
export function timeoutOf(header: string | undefined): number {
  if (header === undefined) return Infinity;
  const [, value, unit] = TIMEOUT.exec(header) ?? [];
  if (value !== undefined) return Number(value) * (UNIT_MS[unit ?? ''] ?? Infinity);
  throw new GrpcFailure(
    status.INVALID_ARGUMENT,
    `grpc-timeout is ${JSON.stringify(header.slice(0, 20))}; expected up to eight digits and one of H, M, S, m, u, n`,
  );
}

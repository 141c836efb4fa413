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

/** Of a message as it is encoded: clients take headers of 8 KB and more in all. */
const ENCODED_BYTES_MAX = 4_096;

/** As the protocol writes messages of statuses: printable ASCII, the rest percent-encoded; what is too long for a header ends after a whole character. */
export function percentEncoded(text: string): string {
  const encoded = text
    .slice(0, ENCODED_BYTES_MAX)
    .toWellFormed()
    .replace(/[^\x20-\x24\x26-\x7e]/gu, encodeURIComponent);
  if (encoded.length <= ENCODED_BYTES_MAX) return encoded;
  let end = ENCODED_BYTES_MAX;
  if (encoded[end - 1] === '%') end -= 1;
  else if (encoded[end - 2] === '%') end -= 2;
  // A byte that continues a character in UTF-8 must not be left without its beginning, nor the beginning without it.
  while (/^%[89AB]/.test(encoded.slice(end, end + 2))) end -= 3;
  return encoded.slice(0, end);
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

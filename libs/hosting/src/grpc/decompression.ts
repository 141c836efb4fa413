import { createGunzip, createInflate } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import type { MessageLimit } from './grpc-call.js';
import { GrpcFailure } from './grpc-failure.js';

const DECOMPRESSORS = new Map([
  ['gzip', createGunzip],
  ['deflate', createInflate],
]);

/** What grpc-encoding may say. */
export const COMPRESSIONS = ['identity', ...DECOMPRESSORS.keys()].join();

export function isCompression(encoding: string): boolean {
  return encoding === 'identity' || DECOMPRESSORS.has(encoding);
}

/**
 * Decompresses a message piece by piece, so that few bytes that would become many are found out before they do.
 * @param encoding grpc-encoding of its call
 * @param reserve is told of every piece, of 16 KiB at most, before it is kept; what it throws ends the work
 * @throws GrpcFailure by rejection: RESOURCE_EXHAUSTED, INTERNAL
 */
export async function decompressed(
  bytes: Buffer,
  encoding: string | undefined,
  limit: MessageLimit,
  reserve: (bytes: number) => void,
): Promise<Buffer> {
  const open = DECOMPRESSORS.get(encoding ?? '');
  if (open === undefined)
    throw new GrpcFailure(
      status.INTERNAL,
      'the message is marked as compressed, and the call names no compression in grpc-encoding',
    );
  const stream = open();
  stream.end(bytes);
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > limit.bytesMax)
        throw new GrpcFailure(
          status.RESOURCE_EXHAUSTED,
          `the message has more than ${limit.bytesMax} bytes when it is decompressed, the limit of ${limit.of}`,
        );
      reserve(piece.length);
      pieces.push(piece);
    }
  } catch (error) {
    if (error instanceof GrpcFailure) throw error;
    throw new GrpcFailure(status.INTERNAL, `the message is no ${encoding}: ${(error as Error).message}`);
  }
  return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, size);
}

import { GyreError } from '@gyre/contracts';
import { createHash } from 'node:crypto';

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** @throws GyreError ARTIFACT_CORRUPT unless the bytes are what the name says */
export function verified(sha256: string, bytes: Uint8Array): Uint8Array {
  const found = sha256Of(bytes);
  if (found === sha256) return bytes;
  throw corrupt(sha256, `its content is ${found}`);
}

export function corrupt(sha256: string, found: string): GyreError {
  return new GyreError('ARTIFACT_CORRUPT', `artifact ${sha256} has changed where it is kept: ${found}`, { sha256 });
}

export function notFound(sha256: string): GyreError {
  return new GyreError('ARTIFACT_NOT_FOUND', `there is no artifact ${sha256}`, { sha256 });
}

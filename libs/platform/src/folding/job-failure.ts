import type { Logger } from '../logger.js';
import { messageOf } from './dead-letter.js';

/** Says that a job threw, and where that was for its surroundings, what to do about it. */
export function logFailure(
  logger: Logger,
  name: string,
  where: { partition: number; place: string },
  { tries, isHeld }: { tries: number; isHeld: boolean },
  error: unknown,
): void {
  if (!isHeld) return logger('warn', `${name} threw`, { ...where, tries, error: messageOf(error) });
  logger(
    'error',
    `${name} cannot work, for a reason that lies in no event: a disk that is full or read-only, rights that are missing, or servers that are away. It gives nothing up and tries again, at least every 30 s, until this is mended; meanwhile its lag grows. See what the error names`,
    { ...where, error: messageOf(error) },
  );
}

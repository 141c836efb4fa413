import { GyreError } from '@gyre/contracts';

/** What an operating system answers when a disk is full, failing, out of bounds or gone, or when a process may open no more files. */
const CODES: ReadonlySet<unknown> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EIO',
  'EROFS',
  'EACCES',
  'EPERM',
  'EMFILE',
  'ENFILE',
  'ENODEV',
  'ESTALE',
]);
/** The same from DuckDB and SQLite, which pass on no code. From the beginning: an event may have these words in it. */
const WORDS =
  /^IO Error: .*(no space left on device|disk quota exceeded|input\/output error|read-only file system|permission denied|too many open files)|^(database or disk is full|disk I\/O error|attempt to write a readonly database)/is;
const DEPTH_MAX = 5;

/**
 * Whether a failure lies in what surrounds the work and not in the event: a full disk, missing rights, a platform that is away. Another
 * event would fail as well; giving this one up would lose it and mend nothing.
 */
export function isOfSurroundings(error: unknown, depth = 0): boolean {
  if (!Error.isError(error) || depth > DEPTH_MAX) return false;
  if (error instanceof GyreError) return error.code === 'PLATFORM_UNAVAILABLE';
  return (
    CODES.has((error as { code?: unknown }).code) ||
    WORDS.test(error.message) ||
    isOfSurroundings(error.cause, depth + 1)
  );
}

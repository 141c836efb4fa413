import { GyreError } from '@gyre/contracts/errors';
import { harmless } from './terminal.js';

/** 0: done. 1: it failed. 2: it was asked for wrongly. 130 and 143, as shells count: Ctrl-C, SIGTERM. */
export const EXIT = { ok: 0, failure: 1, usage: 2, interrupted: 130, terminated: 143 } as const;

/** The command line itself was wrong, in a way that only the command can tell. */
export class UsageError extends Error {}

/** Nobody answers at the address. */
export class Unreachable extends Error {
  constructor(
    readonly url: string,
    why: string,
  ) {
    super(
      `no Gyre answers at ${url} (${why}). Is it running? Start it with \`npm start\` in the clone, or name another with --url or GYRE_URL.`,
    );
  }
}

/** The server answered with a failure of its table. */
export class CallFailed extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: Record<string, unknown>,
  ) {
    super(message);
  }
}

/** What `gyre status` found: it has told already what is waited for. */
export class NotReady extends CallFailed {}

/** What the command has printed says that it failed: nothing is to be added. */
export class Told extends Error {}

/** Stopped by the user. */
export class Interrupted extends Error {}

/** A failure as a machine reads it. */
export interface FailureJson {
  error: { code: string; message: string; details: Record<string, unknown> };
}

export function failureJson(error: unknown): FailureJson {
  const details = error instanceof CallFailed || error instanceof GyreError ? error.details : {};
  return { error: { code: codeOf(error), message: messageOf(error), details } };
}

/** A failure as a person reads it: what is wrong, and what to do next. */
export function failureText(error: unknown): string {
  const advice = error instanceof NotReady ? undefined : ADVICE[codeOf(error)];
  const message = harmless(messageOf(error));
  return advice === undefined ? message : `${message}\n${advice}`;
}

export function exitCode(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  return error instanceof Interrupted ? EXIT.interrupted : EXIT.failure;
}

const ADVICE: Readonly<Record<string, string>> = {
  UNAUTHENTICATED: 'Set GYRE_TOKEN to a token that the server knows.',
  MODEL_NOT_FOUND: '`gyre get models` lists the models there are.',
  VERSION_NOT_FOUND: '`gyre versions MODEL` lists the versions there are.',
  DEAD_LETTER_NOT_FOUND: '`gyre deadletters` lists the dead letters there are, with their positions.',
  OVERLOADED: 'The server has more to do than it can; try again in a moment.',
  NOT_READY: 'The server is still starting; `gyre status` tells what it waits for.',
  DATA_DIR_IN_USE: 'Another process owns this directory; stop that one, or give another with --data-dir.',
};

function codeOf(error: unknown): string {
  if (error instanceof CallFailed || error instanceof GyreError) return error.code;
  if (error instanceof Unreachable) return 'UNREACHABLE';
  if (error instanceof UsageError) return 'USAGE';
  return error instanceof Interrupted ? 'INTERRUPTED' : 'FAILED';
}

function messageOf(error: unknown): string {
  return Error.isError(error) ? error.message : String(error);
}

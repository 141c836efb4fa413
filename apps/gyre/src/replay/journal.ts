import { closeSync, createReadStream, existsSync, ftruncateSync, openSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { GyreError } from '@gyre/contracts';
import { makeDirectory } from '@gyre/platform';

/** What the gateway answered for one row, in the model's order of classes; or why it refused. */
export type Answer =
  { id: string; version: number | null; fallback: string | null; output: number[] } | { refused: string };

/** What must be the same when a replay goes on. */
export interface Fingerprint {
  file: string;
  sha256: string;
  spec: string;
  rows: number;
  step: number;
  labelDelay: number;
  start: number;
  intervalMs: number;
  timeColumn: string | null;
}

/** How far a replay has come. */
export interface Past {
  fingerprint: Fingerprint;
  /** Of the rows from 0 on. */
  answers: Answer[];
  /** Steps whose labels and tick have had all their effects. */
  stepsDone: number;
  /** Spent up to then. */
  seconds: number;
  /** Length of the journal up to the end of its last whole line. */
  bytes: number;
}

type Line =
  | ({ kind: 'replay'; format: 1 } & Fingerprint)
  | { kind: 'answers'; first: number; answers: Answer[] }
  | { kind: 'done'; step: number; seconds: number };

const FILE = 'replay.ndjson';
const NEWLINE = 0x0a;

/**
 * A replay's memory of its own: one JSON object a line, only ever appended to. Answers are written before any label that follows from them is sent,
 * so that a replay killed at any moment goes on with the same prediction ids.
 */
export class Journal {
  private readonly descriptor: number;

  /** @param past what was read of it; the line that a kill has torn is cut off */
  constructor(directory: string, past: Pick<Past, 'bytes'>) {
    this.descriptor = openSync(join(directory, FILE), 'a');
    ftruncateSync(this.descriptor, past.bytes);
  }

  /** @param first the row of the first answer */
  answers(first: number, answers: readonly Answer[]): void {
    this.append({ kind: 'answers', first, answers: [...answers] });
  }

  done(step: number, seconds: number): void {
    this.append({ kind: 'done', step, seconds });
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private append(line: Line): void {
    writeWhole(this.descriptor, line);
  }
}

/** @returns undefined where no replay has begun. @throws GyreError BAD_REQUEST if the journal is damaged */
export async function readJournal(directory: string): Promise<Past | undefined> {
  const path = join(directory, FILE);
  if (!existsSync(path)) return undefined;
  let past: Past | undefined;
  let number = 0;
  for await (const { text, end } of wholeLines(path)) {
    number += 1;
    const line = parsed(text);
    const next = line === undefined ? undefined : fold(past, line, end);
    if (next === undefined)
      throw new GyreError(
        'BAD_REQUEST',
        `the journal ${path} is damaged at line ${number}; begin again with another --data-dir`,
      );
    past = next;
  }
  return past;
}

/**
 * Makes a directory ready for a replay to begin or to go on.
 * @returns undefined where it begins
 * @throws GyreError COMMAND_REFUSED for a directory that holds something else, another replay, or one that was not to be resumed
 */
export async function openReplay(
  directory: string,
  fingerprint: Fingerprint,
  resume: boolean,
): Promise<Past | undefined> {
  const past = await readJournal(directory);
  if (past !== undefined) {
    if (!resume) {
      const rows = `${past.answers.length} of its ${past.fingerprint.rows} rows are answered`;
      throw new GyreError(
        'COMMAND_REFUSED',
        `${directory} holds a replay of ${past.fingerprint.file} already (${rows}); go on with --resume, or give another --data-dir`,
      );
    }
    refuseOther(directory, past.fingerprint, fingerprint);
    return past;
  }
  makeDirectory(directory);
  const others = readdirSync(directory).filter((name) => name !== FILE);
  if (others.length > 0) {
    throw new GyreError(
      'COMMAND_REFUSED',
      `${directory} is not empty and holds no replay (it holds ${others.slice(0, 3).join(', ')}); give an empty or new --data-dir`,
    );
  }
  const descriptor = openSync(join(directory, FILE), 'w');
  writeWhole(descriptor, { kind: 'replay', format: 1, ...fingerprint });
  closeSync(descriptor);
  return undefined;
}

const MEANINGS: Readonly<Record<keyof Fingerprint, string>> = {
  file: 'file',
  sha256: 'content of the file (sha-256)',
  spec: 'specs (sha-256)',
  rows: 'rows to replay (--limit)',
  step: '--step',
  labelDelay: '--label-delay',
  start: '--start',
  intervalMs: '--interval (ms)',
  timeColumn: '--time',
};

function refuseOther(directory: string, there: Fingerprint, here: Fingerprint): void {
  const keys = Object.keys(MEANINGS) as (keyof Fingerprint)[];
  const different = keys
    .filter((key) => there[key] !== here[key])
    .map((key) => `${MEANINGS[key]}: began with ${there[key]}, now ${here[key]}`);
  if (different.length === 0) return;
  throw new GyreError(
    'COMMAND_REFUSED',
    `the replay in ${directory} cannot go on with other input:\n${different.join('\n')}\nGive what it began with, or another --data-dir.`,
  );
}

function fold(past: Past | undefined, line: Line, bytes: number): Past | undefined {
  if (line.kind === 'replay') {
    const { kind: _, format, ...fingerprint } = line;
    return past === undefined && format === 1
      ? { fingerprint, answers: [], stepsDone: 0, seconds: 0, bytes }
      : undefined;
  }
  if (past === undefined) return undefined;
  past.bytes = bytes;
  if (line.kind === 'done') {
    if (line.step !== past.stepsDone) return undefined;
    past.stepsDone += 1;
    past.seconds = line.seconds;
    return past;
  }
  if (line.first !== past.answers.length) return undefined;
  for (const answer of line.answers) past.answers.push(answer);
  return past;
}

function parsed(text: string): Line | undefined {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return undefined;
  }
}

/** Lines that end in a newline; what follows the last newline was torn by a kill and is left out. */
async function* wholeLines(path: string): AsyncGenerator<{ text: string; end: number }> {
  let rest = Buffer.alloc(0);
  let end = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    for (let cut = rest.indexOf(NEWLINE); cut >= 0; cut = rest.indexOf(NEWLINE)) {
      end += cut + 1;
      yield { text: rest.toString('utf8', 0, cut), end };
      rest = rest.subarray(cut + 1);
    }
  }
}

function writeWhole(descriptor: number, line: Line): void {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written);
}

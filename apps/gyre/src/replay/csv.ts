import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { isUtf8 } from 'node:buffer';
import { pipeline, Transform, type TransformCallback } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CsvError, parse } from 'csv-parse';
import { GyreError } from '@gyre/contracts';

/** What is known of a CSV file once it has been read to its end. */
export interface CsvSurvey {
  columns: string[];
  /** Data rows, the header not counted. */
  rows: number;
  /** Of the file as it lies there, hexadecimal. */
  sha256: string;
}

/**
 * Reads a whole file, plain or gzipped, so that what is wrong with its shape shows before anything starts.
 * @throws GyreError BAD_REQUEST with file and line
 */
export async function surveyCsv(file: string): Promise<CsvSurvey> {
  const hash = createHash('sha256');
  let columns: string[] | undefined;
  let rows = 0;
  for await (const record of records(file, (bytes) => hash.update(bytes))) {
    if (columns === undefined) columns = header(file, record);
    else rows += 1;
  }
  if (columns === undefined || rows === 0)
    throw new GyreError('BAD_REQUEST', `${file} has no data rows; it needs a header row and rows in time order`);
  return { columns, rows, sha256: hash.digest('hex') };
}

/** Lets UTF-8 pass; a parser would put replacement characters for the rest. */
class Utf8Lines extends Transform {
  private rest: Buffer = Buffer.alloc(0);
  private line = 1;

  constructor(private readonly file: string) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    const cut = chunk.lastIndexOf(NEWLINE) + 1;
    const lines = cut === 0 ? this.rest.subarray(0, 0) : Buffer.concat([this.rest, chunk.subarray(0, cut)]);
    this.rest = cut === 0 ? Buffer.concat([this.rest, chunk]) : chunk.subarray(cut);
    done(this.problem(lines), chunk);
  }

  override _flush(done: TransformCallback): void {
    done(this.problem(this.rest));
  }

  /** @param bytes whole lines */
  private problem(bytes: Buffer): GyreError | null {
    const isGood = isUtf8(bytes);
    for (let from = 0; from < bytes.length; this.line += 1) {
      const end = bytes.indexOf(NEWLINE, from) + 1 || bytes.length;
      if (!isGood && !isUtf8(bytes.subarray(from, end)))
        return new GyreError(
          'BAD_REQUEST',
          `${this.file}: line ${this.line} is not UTF-8; convert the file, for example with iconv -f latin1 -t utf-8`,
        );
      from = end;
    }
    return null;
  }
}
const NEWLINE = 0x0a;

/** The data rows of a file, in order, as their cells. */
export async function* csvRows(file: string): AsyncGenerator<string[]> {
  let isHeader = true;
  for await (const record of records(file)) {
    if (!isHeader) yield record;
    isHeader = false;
  }
}

async function* records(file: string, see: (bytes: Uint8Array) => void = () => undefined): AsyncGenerator<string[]> {
  try {
    const parser = parse({ bom: true, skip_empty_lines: true });
    const seen = new Transform({
      transform: (chunk: Uint8Array, _encoding, done) => (see(chunk), done(null, chunk)),
    });
    const unpack = (await isGzip(file)) ? [createGunzip()] : [];
    const utf8 = new Utf8Lines(file);
    // Its errors reach whoever iterates over the parser.
    pipeline([createReadStream(file), seen, ...unpack, utf8, parser], () => undefined);
    yield* parser as AsyncIterable<string[]>;
  } catch (error) {
    throw explained(file, error);
  }
}

async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}

function header(file: string, columns: string[]): string[] {
  const names = columns.map((name) => name.trim());
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new GyreError('BAD_REQUEST', `${file}: the column "${twice}" stands twice in the header`);
  return names;
}

function explained(file: string, error: unknown): unknown {
  if (error instanceof GyreError) return error;
  if (error instanceof CsvError) return new GyreError('BAD_REQUEST', `${file} is no well-formed CSV: ${error.message}`);
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new GyreError('BAD_REQUEST', `there is no file ${file}`);
  if (code?.startsWith('Z_') === true)
    return new GyreError('BAD_REQUEST', `${file} is gzipped, but damaged or cut off: ${message}`);
  return code === undefined ? error : new GyreError('BAD_REQUEST', `cannot read ${file}: ${message}`);
}

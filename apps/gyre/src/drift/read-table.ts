import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { GyreError } from '@gyre/contracts/errors';
import type { Selection, Table } from './column.js';
import { CsvScanner } from './csv-scanner.js';

const CHUNK_BYTES = 1 << 20;

/**
 * Reads columns of a data file: Parquet, or CSV, plain or gzipped; what it is, its first bytes say.
 *
 * @throws GyreError BAD_REQUEST with file, and line where there is one
 */
export async function readTable(file: string, selection: Selection): Promise<Table> {
  try {
    const magic = await firstBytes(file);
    if (magic.toString('latin1') === 'PAR1') return await (await import('./parquet.js')).readParquet(file, selection);
    return await readCsv(file, magic[0] === 0x1f && magic[1] === 0x8b, selection);
  } catch (error) {
    throw explained(file, error);
  }
}

async function readCsv(file: string, gzipped: boolean, selection: Selection): Promise<Table> {
  const texts = new Set(selection.textColumns);
  for (;;) {
    const scanner = new CsvScanner(file, { ...selection, textColumns: texts });
    let first = true;
    for await (const chunk of chunks(file, gzipped)) {
      scanner.push(chunk);
      // What the first chunk shows to be text need not be read to its end to be read again.
      if (first && scanner.textColumns.size > 0) break;
      first = false;
    }
    if (scanner.textColumns.size === 0) {
      const columns = scanner.end();
      if (scanner.textColumns.size === 0) return { names: scanner.names, rows: scanner.rows, columns };
    }
    for (const name of scanner.textColumns) texts.add(name);
  }
}

/** A file's bytes, unpacked; each chunk is gone with the next. */
async function* chunks(file: string, gzipped: boolean): AsyncGenerator<Uint8Array> {
  if (gzipped) {
    const unpacked = createGunzip({ chunkSize: CHUNK_BYTES });
    const stream = createReadStream(file, { highWaterMark: CHUNK_BYTES });
    stream.on('error', (error) => unpacked.destroy(error));
    yield* stream.pipe(unpacked) as AsyncIterable<Uint8Array>;
    return;
  }
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  const descriptor = openSync(file, 'r');
  try {
    const next = () => readSync(descriptor, chunk, 0, CHUNK_BYTES, null);
    for (let read = next(); read > 0; read = next()) yield chunk.subarray(0, read);
  } finally {
    closeSync(descriptor);
  }
}

async function firstBytes(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function explained(file: string, error: unknown): unknown {
  if (error instanceof GyreError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new GyreError('BAD_REQUEST', `there is no file ${file}`);
  if (code?.startsWith('Z_') === true)
    return new GyreError('BAD_REQUEST', `${file} is gzipped, but damaged or cut off: ${message}`);
  return code === undefined ? error : new GyreError('BAD_REQUEST', `cannot read ${file}: ${message}`);
}

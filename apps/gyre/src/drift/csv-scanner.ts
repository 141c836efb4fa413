import { isUtf8 } from 'node:buffer';
import { GyreError } from '@gyre/contracts/errors';
import { cellNumber, decimal, decimalEnd, isMissing, MISSING, TEXT } from './decimal.js';
import { NumberStore, SAMPLED_ROWS_MAX, type PlainColumn, type Selection } from './column.js';
import { RowSampler } from './row-sampler.js';

const [COMMA, SEMICOLON, TAB, NEWLINE, RETURN, QUOTE] = [0x2c, 0x3b, 0x09, 0x0a, 0x0d, 0x22];
/** Longer records are an open quote, or no CSV at all. */
const RECORD_BYTES_MAX = 1 << 26;

interface TextCells {
  levels: Map<string, number>;
  missing: number;
}

/**
 * Reads CSV (RFC 4180; comma, semicolon or tab, whichever the header has most of) straight into columns, chunk by chunk: no string for a
 * number, no object for a row. A column is numeric until a cell says otherwise; then `textColumns` names it, and it takes another reading
 * that knows.
 *
 * @throws GyreError BAD_REQUEST with file and line
 */
export class CsvScanner {
  /** Columns that were taken for numbers and hold something else. */
  readonly textColumns = new Set<string>();
  rows = 0;
  private header: string[] | undefined;
  /** For each column of the file where its cells go; null where they are not wanted. */
  private cells: (NumberStore | TextCells | null)[] = [];
  private delimiter = COMMA;
  private buffer: Uint8Array = new Uint8Array(0);
  /** Bytes at the front of the buffer that are no whole record yet. */
  private rest = 0;
  private line = 1;
  private quoted = true;
  private readonly sampler = new RowSampler(SAMPLED_ROWS_MAX);
  /** Records of the sampled rows, not yet read. */
  private readonly sampled: { row: number; record: Uint8Array }[] = [];

  constructor(
    private readonly file: string,
    private readonly selection: Selection,
  ) {}

  /** Takes the next bytes; they may be overwritten afterwards. */
  push(chunk: Uint8Array): void {
    const bytes = this.joined(chunk);
    this.quoted = bytes.includes(QUOTE);
    const read = this.scan(bytes, false);
    this.rest = bytes.length - read;
    bytes.copyWithin(0, read);
    if (this.rest > RECORD_BYTES_MAX) throw this.refused('a record does not end; is a quote left open?');
  }

  /** What was left of the last bytes, and these. */
  private joined(chunk: Uint8Array): Uint8Array {
    const length = this.rest + chunk.length;
    if (length > this.buffer.length) {
      const larger = new Uint8Array(2 * length);
      larger.set(this.buffer.subarray(0, this.rest));
      this.buffer = larger;
    }
    this.buffer.set(chunk, this.rest);
    return this.buffer.subarray(0, length);
  }

  end(): PlainColumn[] {
    this.scan(this.buffer.subarray(0, this.rest), true);
    if (this.header === undefined || this.rows === 0)
      throw new GyreError('BAD_REQUEST', `${this.file} has no data rows; it needs a header row and rows`);
    const sampled = this.sampledCells();
    return this.header.flatMap((name, i): PlainColumn[] => {
      const cells = this.cells[i]!;
      const texts = sampled[i]!;
      if (cells === null) return [];
      if (cells instanceof NumberStore) return [cells.column(name, Float64Array.from(texts, numberOrNaN))];
      const told = areTruths(cells.levels) ? inLowerCase(cells) : cells;
      const sampledTexts = told === cells ? texts : texts.map((text) => text.toLowerCase());
      return [{ kind: 'text', name, ...told, sampled: sampledTexts.map((text) => (isMissing(text) ? null : text)) }];
    });
  }

  /** By column, the texts of the cells of the sampled rows, in the order of the rows. */
  private sampledCells(): string[][] {
    const cells = this.cells.map((): string[] => []);
    for (const { record } of this.sampled.sort((a, b) => a.row - b.row)) {
      for (let column = 0, at = 0; column < cells.length; column += 1) {
        const to = cellEnd(record, at, record.length, this.delimiter);
        if (this.cells[column] !== null) cells[column]!.push(cellText(record, at, to));
        at = to + 1;
      }
    }
    return cells;
  }

  /** The columns of the file, known once the header has come. */
  get names(): string[] {
    return this.header ?? [];
  }

  /** Reads whole records. @returns how many bytes they are */
  private scan(bytes: Uint8Array, last: boolean): number {
    let at = 0;
    if (this.header === undefined) {
      at = this.readHeader(bytes, last);
      if (at === 0) return 0;
    }
    for (;;) {
      const after = this.record(bytes, at, last);
      if (after === at) return at;
      at = after;
    }
  }

  /** Reads one record. @returns where the next begins; `start` if this one is not complete */
  private record(bytes: Uint8Array, start: number, last: boolean): number {
    const { cells, delimiter } = this;
    const end = bytes.length;
    // A record counts only once it is known to be whole: its end is looked for first.
    const stop = this.recordEnd(bytes, start, last);
    if (stop < 0) return start;
    let text = stop;
    if (text > start && bytes[text - 1] === RETURN) text -= 1;
    const next = Math.min(end, stop + 1);
    if (text === start && cells.length > 1) {
      this.line += 1;
      return next;
    }
    if (start >= end) return start;
    let at = start;
    let column = 0;
    for (;;) {
      const cell = cells[column];
      if (cell === undefined) throw this.refused(`this row has more than the ${cells.length} cells of the header`);
      let to = at;
      let value = NaN;
      if (cell instanceof NumberStore) {
        value = decimal(bytes, at, text);
        to = decimalEnd;
      }
      if (value === value && (to === text || bytes[to] === delimiter)) {
        (cell as NumberStore).add(value);
      } else {
        to = cellEnd(bytes, at, text, delimiter);
        if (cell !== null) this.slow(cell, column, bytes, at, to);
      }
      column += 1;
      if (to >= text) break;
      at = to + 1;
    }
    if (column < cells.length) throw this.refused(`this row has ${column} cells, and the header ${cells.length}`);
    if (this.rows === this.sampler.next)
      this.sampled[this.sampler.take()] = { row: this.rows, record: bytes.slice(start, text) };
    this.rows += 1;
    this.line += this.quoted ? linesIn(bytes, start, next) : 1;
    return next;
  }

  /** A cell of text, and one that is no plain number. */
  private slow(cell: NumberStore | TextCells, column: number, bytes: Uint8Array, at: number, to: number): void {
    const text = cellText(bytes, at, to);
    // What a decoder puts for what is no UTF-8: two texts would become the same.
    if (text.includes('\ufffd') && !isUtf8(bytes.subarray(at, to)))
      throw this.refused(`the cell of "${this.header![column]}" is no UTF-8; save the file as UTF-8`);
    if (!(cell instanceof NumberStore)) {
      if (isMissing(text)) cell.missing += 1;
      else cell.levels.set(text, (cell.levels.get(text) ?? 0) + 1);
      return;
    }
    const value = cellNumber(text);
    if (value === MISSING) cell.missing += 1;
    else if (value === TEXT) this.textColumns.add(this.header![column]!);
    else cell.add(value);
  }

  private readHeader(bytes: Uint8Array, last: boolean): number {
    const from = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
    const stop = this.recordEnd(bytes, from, last);
    if (stop < 0 || bytes.length === 0) return 0;
    const text = stop > from && bytes[stop - 1] === RETURN ? stop - 1 : stop;
    this.requireHeader(bytes.subarray(from, text));
    const occurrences = (byte: number) =>
      bytes.subarray(from, text).reduce((sum, one) => sum + Number(one === byte), 0);
    this.delimiter = [COMMA, SEMICOLON, TAB].reduce((best, one) => (occurrences(one) > occurrences(best) ? one : best));
    const names: string[] = [];
    for (let at = from; ;) {
      const to = cellEnd(bytes, at, text, this.delimiter);
      names.push(cellText(bytes, at, to).trim());
      if (to >= text) break;
      at = to + 1;
    }
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) throw this.refused(`the column "${twice}" stands twice in the header`);
    this.header = names;
    const { columns, textColumns } = this.selection;
    this.cells = names.map((name) => {
      if (columns?.has(name) === false) return null;
      return textColumns?.has(name) === true ? { levels: new Map<string, number>(), missing: 0 } : new NumberStore();
    });
    this.line += linesIn(bytes, 0, stop + 1);
    return Math.min(bytes.length, stop + 1);
  }

  private requireHeader(header: Uint8Array): void {
    const is = (why: string) => this.refused(`${why}; a file is Parquet, or CSV in UTF-8 with a header row`);
    if (header.includes(0)) throw is('the header holds a zero byte, as UTF-16 does and what is no text');
    if (header.length === 0) throw is('the header is blank');
    if (header.includes(RETURN) && !header.includes(QUOTE))
      throw is('lines end with a carriage return alone, and have to end with a newline');
  }

  /** Where the record ends: at its newline or, if this is the last, at the end of the bytes; -1 if it goes on beyond them. */
  private recordEnd(bytes: Uint8Array, start: number, last: boolean): number {
    let stop = bytes.indexOf(NEWLINE, start);
    if (this.quoted) {
      let inside = false;
      for (stop = start; stop < bytes.length; stop += 1) {
        const byte = bytes[stop];
        if (byte === QUOTE) inside = !inside;
        else if (byte === NEWLINE && !inside) break;
      }
      if (inside && last) throw this.refused('a quote is opened and not closed');
      if (stop === bytes.length) stop = -1;
    }
    return stop < 0 && last ? bytes.length : stop;
  }

  private refused(what: string): GyreError {
    return new GyreError('BAD_REQUEST', `${this.file}, line ${this.line}: ${what}`);
  }
}

function cellEnd(bytes: Uint8Array, from: number, end: number, delimiter: number): number {
  let to = bytes[from] === QUOTE ? afterQuotes(bytes, from, end) : from;
  while (to < end && bytes[to] !== delimiter) to += 1;
  return to;
}

/** The byte after the closing quote of a cell that begins with one. */
function afterQuotes(bytes: Uint8Array, at: number, end: number): number {
  for (let to = at + 1; to < end; to += 1) {
    if (bytes[to] !== QUOTE) continue;
    if (bytes[to + 1] !== QUOTE) return to + 1;
    to += 1;
  }
  return end;
}

function numberOrNaN(text: string): number {
  const value = cellNumber(text);
  return typeof value === 'number' ? value : NaN;
}

/** A cell's text, without its quotes. */
function cellText(bytes: Uint8Array, from: number, to: number): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('utf8');
  return text.startsWith('"') ? text.slice(1, text.endsWith('"') ? -1 : undefined).replaceAll('""', '"') : text;
}

/** pandas writes True, R and SQL TRUE, and Parquet has no words for them. */
function areTruths(levels: ReadonlyMap<string, number>): boolean {
  return levels.size > 0 && [...levels.keys()].every((level) => /^(true|false)$/i.test(level));
}

function inLowerCase({ levels, missing }: TextCells): TextCells {
  const lower = new Map<string, number>();
  for (const [level, count] of levels) lower.set(level.toLowerCase(), (lower.get(level.toLowerCase()) ?? 0) + count);
  return { levels: lower, missing };
}

function linesIn(bytes: Uint8Array, from: number, to: number): number {
  let lines = 0;
  for (let at = from; at < to; at += 1) if (bytes[at] === NEWLINE) lines += 1;
  return lines;
}

import Table from 'cli-table3';
import { harmless, type Terminal } from './terminal.js';

const PLAIN = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

export interface TableOptions {
  /** Columns, from 0, whose cells stand at the right: numbers. */
  right?: readonly number[];
  /** Columns, from 0, whose long texts are broken into lines of so many characters. */
  wrap?: Readonly<Record<number, number>>;
}

/** A table as a person reads it: a head in capitals, no rules, and `none` where there is nothing. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  options: TableOptions = {},
): string {
  if (rows.length === 0) return 'none\n';
  const { right = [], wrap = {} } = options;
  const wrapped = rows.map((row) => row.map((cell, i) => broken(harmless(cell), wrap[i])));
  const drawn = new Table({
    head: head.map((name) => name.toUpperCase()),
    chars: PLAIN,
    colAligns: head.map((_, i) => (right.includes(i) ? 'right' : 'left')),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  drawn.push(...wrapped);
  return `${drawn.toString().replace(/ +$/gm, '')}\n`;
}

/** JSON knows no infinities; they are written as words, for null says that there is no number. */
export function printJson(terminal: Terminal, value: unknown): void {
  const word = (_: string, one: unknown) => (one === Infinity || one === -Infinity ? String(one) : one);
  terminal.write(`${JSON.stringify(value, word, 2)}\n`);
}

/** `2026-11-22 14:05:00` in UTC, with milliseconds where there are some. */
export function instant(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace('Z', '')
    .replace(/\.000$/, '');
}

/** Four significant digits; `-` for what is not defined. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined) return '-';
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

/** 45312 as `45,312`. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

function broken(text: string, width: number | undefined): string {
  if (width === undefined) return text;
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const line = lines.at(-1) as string;
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.join('\n');
}

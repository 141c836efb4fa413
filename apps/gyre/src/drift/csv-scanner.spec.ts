import fc from 'fast-check';
import type { PlainColumn } from './column.js';
import { CsvScanner } from './csv-scanner.js';
import { decimal, decimalEnd } from './decimal.js';

const bytes = (text: string) => Buffer.from(text);

function scanned(text: string, chunkBytes = 1 << 20, texts: string[] = []) {
  const scanner = new CsvScanner('data.csv', { textColumns: new Set(texts) });
  const all = bytes(text);
  for (let at = 0; at < all.length; at += chunkBytes) scanner.push(Buffer.from(all.subarray(at, at + chunkBytes)));
  return { columns: scanner.end(), rows: scanner.rows, texts: [...scanner.textColumns] };
}

const contents = (column: PlainColumn | undefined) =>
  column?.kind === 'text' ? Object.fromEntries(column.levels) : [...(column?.values ?? [])];

describe('decimal', () => {
  it('reads what `Number` reads, to the last bit, or leaves it to it', () => {
    const spelled = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
      fc.double({ min: -1e6, max: 1e6, noNaN: true }).map(String),
      fc.tuple(fc.bigInt(0n, 10n ** 19n), fc.integer({ min: 0, max: 24 })).map(([digits, after]) => {
        const text = String(digits).padStart(after + 1, '0');
        return after === 0 ? text : `${text.slice(0, -after)}.${text.slice(-after)}`;
      }),
      fc.tuple(fc.integer(), fc.integer({ min: -25, max: 25 })).map(([m, e]) => `${m}e${e}`),
    );
    let read = 0;
    fc.assert(
      fc.property(spelled, (text) => {
        const value = decimal(bytes(`${text},7`), 0, text.length + 2);
        if (Number.isNaN(value)) return;
        read += 1;
        expect([value, decimalEnd]).toEqual([Number(text), text.length]);
      }),
      { numRuns: 20_000, seed: 1 },
    );
    expect(read).toBeGreaterThan(9_000);
  });

  it.each([
    '0.1',
    '0.30000000000000004',
    '-2.2250738585072014',
    '9007199254740991',
    '123456789.12345678',
    '1e22',
    '.5',
    '5.',
    '-0',
  ])('reads %s without help', (text) =>
    expect(Object.is(decimal(bytes(text), 0, text.length), Number(text))).toBe(true),
  );

  it.each(['', '-', '.', 'x', '1e', '12345678901234567890', '9007199254740993'])('leaves %j alone', (text) =>
    expect(decimal(bytes(text), 0, text.length)).toBeNaN(),
  );
});

describe('CsvScanner', () => {
  const TEXT =
    '\ufeffid,"name, full",x,note\r\n1,"Ann ""A"" B",0.5,\r\n2,"two\nlines",NA,ok\r\n\r\n3,Zoë,-1e-3,ok\r\n4,Zoë,inf,"NaN"';

  it.each([1, 2, 7, 64, 1 << 20])('reads the same in chunks of %i bytes', (chunkBytes) => {
    const { columns, rows } = scanned(TEXT, chunkBytes, ['name, full', 'note']);
    expect(rows).toBe(4);
    expect(columns.map(({ name, missing }) => [name, missing])).toEqual([
      ['id', 0],
      ['name, full', 0],
      ['x', 2],
      ['note', 2],
    ]);
    expect(columns.map(contents)).toEqual([
      [1, 2, 3, 4],
      { 'Ann "A" B': 1, 'two\nlines': 1, Zoë: 2 },
      [0.5, -1e-3],
      { ok: 2 },
    ]);
  });

  it('names the columns that hold something else than numbers', () => {
    expect(scanned('a,b,c\n1,2,x\n3,4x,5\n').texts).toEqual(['c', 'b']);
  });

  it.each([';', '\t'])('takes %j for the delimiter where the header has it', (delimiter) => {
    expect(scanned('a|b,c|d\n1|2|3\n'.replaceAll('|', delimiter)).columns.map(contents)).toEqual([[1], [2], [3]]);
  });

  it.each([
    ['a,b\n1,2\n3\n', /data.csv, line 3: this row has 1 cells, and the header 2/],
    ['a,b\n"x\ny",2\n3,4,5\n', /line 4: this row has more than the 2 cells/],
    ['a,b\n1,"2\n', /line 2: a quote is opened and not closed/],
    ['a,a\n1,2\n', /the column "a" stands twice/],
    ['a,b\n', /no data rows/],
    ['', /no data rows/],
  ])('refuses %j with its line', (text, message) => {
    expect(() => scanned(text)).toThrow(message);
    expect(() => scanned(text, 1)).toThrow(message);
  });

  it('takes truths for the same however they are written', () => {
    const { columns } = scanned('a,b\nTrue,True\nfalse,yes\nTRUE,False\n', 1 << 20, ['a', 'b']);
    expect(columns.map(contents)).toEqual([
      { true: 2, false: 1 },
      { True: 1, yes: 1, False: 1 },
    ]);
  });
});

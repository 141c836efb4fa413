import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { csvRows, surveyCsv } from './csv.js';

const TEXT = 'a,b\n1,"x, y"\n2,"line\nbreak"\n\n3,\n';

function file(content: string | Uint8Array): string {
  const path = join(mkdtempSync(join(tmpdir(), 'gyre-csv-')), 'data.csv');
  writeFileSync(path, content);
  return path;
}

async function rows(path: string): Promise<string[][]> {
  const all: string[][] = [];
  for await (const row of csvRows(path)) all.push(row);
  return all;
}

describe('reading a CSV file', () => {
  it.each([
    ['plain', TEXT],
    ['gzipped, whatever it is called', gzipSync(TEXT)],
    ['with a byte order mark and Windows line ends', `\ufeff${TEXT.replace(/\n(?=\d|\n)/g, '\r\n')}`],
  ])('gives the same rows: %s', async (_, content) => {
    const path = file(content);
    expect((await rows(path)).map(([a]) => a)).toEqual(['1', '2', '3']);
    expect((await rows(path))[0]).toEqual(['1', 'x, y']);
    expect(await surveyCsv(path)).toEqual({
      columns: ['a', 'b'],
      rows: 3,
      sha256: createHash('sha256').update(content).digest('hex'),
    });
  });

  it.each([
    ['a row of another length, with its line', 'a,b\n1,2\n3\n', /on line 3/],
    ['an open quote', 'a,b\n1,"2\n', /no well-formed CSV/],
    ['a column that stands twice', 'a,a\n1,2\n', /"a" stands twice/],
    [
      'what is not UTF-8, with its line',
      Buffer.from('a,b\n1,"caf\u00e9\n"\n2,\u00e9', 'latin1'),
      /line 2 is not UTF-8/,
    ],
    ['a last line that is not UTF-8', Buffer.from('a,b\n1,2\n2,\u00e9', 'latin1'), /line 3 is not UTF-8/],
    ['no rows', 'a,b\n', /no data rows/],
    ['nothing at all', '', /no data rows/],
    ['a gzip that was cut off', gzipSync(TEXT.repeat(100)).subarray(0, 60), /damaged or cut off/],
  ])('refuses %s', async (_, content, message) => {
    await expect(surveyCsv(file(content))).rejects.toThrow(message);
  });

  it('says that a file is not there', async () => {
    await expect(surveyCsv('nowhere.csv')).rejects.toThrow('there is no file nowhere.csv');
  });
});

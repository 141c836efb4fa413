import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Comparison } from './judge-columns.js';
import { draws, file, folder, gyre } from './drift.fixture.js';

describe('gyre drift compare, of what is odd', () => {
  const rows = 120;
  const numbers = (seed: number) => {
    const draw = draws(seed);
    return Array.from({ length: rows }, () => [draw(), draw()].join(','));
  };
  const sound = file('sound.csv', ['a,b', ...numbers(1)].join('\n'));
  const filled = (a: string, b: string) => ['a,b', ...Array.from({ length: rows }, () => `${a},${b}`)].join('\n');
  const odd = {
    'a byte order mark, quotes and carriage returns': `\ufeff"a","b"\r\n${numbers(2).join('\r\n')}\r\n`,
    'one row': 'a,b\n1,2\n',
    'constant columns': filled('5', '0.1'),
    'no value': filled('', 'NaN'),
    infinities: ['a,b', ...numbers(3).map((row, i) => (i % 2 === 0 ? row : 'inf,-Infinity'))].join('\n'),
    'numbers near the smallest': filled('1e-310', '-3e-320'),
    'numbers near the largest that are compared': filled('1e100', '-1e100'),
    'numbers beyond all doubles': filled('1e400', '-1e400'),
    'texts among the numbers': ['a,b', ...numbers(4).map((row, i) => (i % 9 === 0 ? `oops,${i}` : row))].join('\n'),
    'a missing column': ['a', ...numbers(5).map((row) => row.split(',')[0])].join('\n'),
  };

  it.each(Object.entries(odd))('never says NaN: %s', async (name, text) => {
    const other = file(`odd-${Object.keys(odd).indexOf(name)}.csv`, text);
    for (const [reference, current] of [
      [sound, other],
      [other, sound],
      [other, other],
    ] as const) {
      const html = join(folder, 'odd.html');
      const { code, out } = await gyre([
        'compare',
        '--reference',
        reference,
        '--current',
        current,
        '--json',
        '--html',
        html,
      ]);
      expect(code).toBe(0);
      const { columns, together } = JSON.parse(out) as Comparison;
      expect(`${out}${readFileSync(html, 'utf8')}`).not.toMatch(/\bNaN\b|\bundefined\b|\bInfinity\b/);
      for (const { psi, verdict, summary } of columns) {
        if (verdict === 'drift') expect(psi).toBeGreaterThanOrEqual(0.1);
        // JSON writes NaN as null.
        for (const side of Object.values(summary ?? {})) expect(Object.values(side)).not.toContain(null);
      }
      if (reference === current) {
        expect(columns.map(({ verdict }) => verdict)).not.toContain('drift');
        expect(['same', 'skipped']).toContain(together.verdict);
      }
    }
  });

  it('takes two rows without a value for chance beside three with one: by Fisher, as scipy has it', async () => {
    const [three, two] = [file('three.csv', 'a,b\n1,1\n2,1\n3,1\n'), file('two.csv', 'a,b\n,1\n,1\n')];
    const { out } = await gyre(['compare', '--reference', three, '--current', two, '--json', '--columns', 'a']);
    const [column] = (JSON.parse(out) as Comparison).columns;
    expect(column!.missing.pValue).toBeCloseTo(0.1, 12);
    expect(column!.verdict).toBe('skipped');
  });

  it('writes an infinite statistic as a word in JSON, which has no number for it', async () => {
    const [ones, fives] = [file('ones.csv', 'a\n1\n1\n1\n'), file('fives.csv', 'a\n5\n5\n')];
    for (const [reference, current, t] of [
      [ones, fives, '-Infinity'],
      [fives, ones, 'Infinity'],
    ] as const) {
      const argv = ['compare', '--reference', reference, '--current', current, '--tests', 'welch', '--json'];
      const [column] = JSON.parse((await gyre(argv)).out).columns;
      expect(column.tests).toMatchObject([{ test: 'welch', statistic: t, pValue: 0 }]);
    }
  });

  it('says what became of a column that is no longer one of numbers, and of what is not compared', async () => {
    const other = file('among.csv', odd['texts among the numbers']);
    const { columns } = JSON.parse((await gyre(['compare', '--reference', sound, '--current', other, '--json'])).out);
    expect(columns.find(({ column }: { column: string }) => column === 'a').reason).toBe(
      'numbers in the reference file, but texts in 11.7 % of the rows of the current one, such as "oops"',
    );
    const parquet = join(folder, 'odd.parquet');
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    await connection.run(
      `COPY (SELECT [i] AS list, {'x': i} AS struct, TIMESTAMP '2024-01-01' AS moment, i % 2 = 0 AS flag, 'a'::BLOB AS bytes,
           CAST(i AS DECIMAL(18, 3)) AS money, CAST(NULL AS DOUBLE) AS nothing, 'inf'::DOUBLE AS endless, i::HUGEINT AS big
         FROM range(200) r(i)) TO '${parquet}' (FORMAT parquet)`,
    );
    connection.closeSync();
    const same = JSON.parse((await gyre(['compare', '--reference', parquet, '--current', parquet, '--json'])).out);
    expect(
      Object.fromEntries(
        (same as Comparison).columns.map(({ column, kind, verdict }) => [column, `${kind} ${verdict}`]),
      ),
    ).toEqual({
      list: 'nested skipped',
      struct: 'nested skipped',
      bytes: 'nested skipped',
      moment: 'text same',
      flag: 'text same',
      money: 'numeric same',
      nothing: 'text skipped',
      endless: 'text skipped',
      big: 'numeric same',
    });
    expect(same.columns.find(({ column }: { column: string }) => column === 'list').reason).toMatch(/BIGINT\[\]/);
  });

  it.each([
    ['empty', '', /no data rows/],
    ['blank', '\n\n', /line 1: the header is blank/],
    ['huge', filled('1e300', '1'), /column "a": 1e\+300 is too large; numbers up to 1e\+100/],
    ['utf-16', Buffer.from('\ufeffa,b\n1,2\n', 'utf16le'), /line 1: .*UTF-16/],
    ['latin-1', Buffer.from('a,b\n1,caf\xe9\n', 'latin1'), /line 2: the cell of "b" is no UTF-8/],
    ['old Macintosh', 'a,b\r1,2\r', /carriage return alone/],
    ['a row that is short', 'a,b\n1,2\n3\n', /line 3: this row has 1 cells, and the header 2/],
  ])('says what is wrong with a file: %s', async (name, content, message) => {
    const said = await gyre(['compare', '--reference', sound, '--current', file(`bad ${name}.csv`, content)]);
    expect([said.code, said.out]).toEqual([1, '']);
    expect(said.err).toMatch(message);
  });
});

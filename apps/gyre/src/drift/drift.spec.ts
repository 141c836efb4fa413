import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Comparison } from './judge-columns.js';
import { draws, file, folder, gyre } from './drift.fixture.js';

describe('gyre drift detect', () => {
  const stream = Array.from({ length: 1_200 }, (_, row) => (row < 600 ? row % 10 === 0 : row % 2 === 0)).map(Number);
  const lines = `${stream.join('\n')}\n`;

  it('prints the rows at which the detector finds a change, and nothing else', async () => {
    const { out, err, code } = await gyre(['detect', '--detector', 'adwin'], lines);
    expect(code).toBe(0);
    expect(out).toMatch(/^\d+\n$/);
    expect(Number(out)).toBeGreaterThan(600);
    expect(Number(out)).toBeLessThan(700);
    expect(err).toBe('1 change in 1200 values (adwin)\n');
    expect((await gyre(['detect', '--detector', 'adwin'], '1\n')).err).toBe('0 changes in 1 value (adwin)\n');
  });

  it('takes parameters, names in any spelling, and says with --json what was in force', async () => {
    const argv = [
      'detect',
      '--detector',
      'PageHinkley',
      '--param',
      'min_instances=10',
      '--param',
      'threshold=5',
      '--json',
    ];
    const answer = JSON.parse((await gyre(argv, lines.replaceAll('\n', '\r\n'))).out);
    expect(answer).toMatchObject({
      detector: 'page-hinkley',
      options: { minInstances: 10, threshold: 5 },
      values: 1_200,
    });
    expect(answer.detections[0]).toBeGreaterThan(600);
  });

  it.each([
    [['--detector', 'adwn'], 2, /no detector is called "adwn"; there are: adwin, page-hinkley/],
    [
      ['--detector', 'adwin', '--param', 'dleta=1'],
      2,
      /adwin has no parameter "dleta"; it has: delta \(default 0.002\)/,
    ],
    [['--detector', 'adwin', '--param', 'delta=2'], 2, /delta/],
    [['--detector', 'adwin', '--param', 'delta'], 2, /NAME=VALUE/],
    [[], 2, /--detector/],
  ])('says what would be right: %j', async (argv, code, message) => {
    const said = await gyre(['detect', ...argv], lines);
    expect([said.code, said.out]).toEqual([code, '']);
    expect(said.err).toMatch(message);
  });

  it.each([
    ['1\n2\nx1\n3\n', 'adwin', /line 3: "x1" is no finite number/],
    ['1\n0x10\n', 'adwin', /line 2: "0x10" is no finite number/],
    ['1\n\n3\n', 'adwin', /line 2: it is blank/],
    ['0\n1\n0.5\n', 'ddm', /line 3: .*0 and 1/i],
    ['\n', 'adwin', /no value/],
  ])('names the line that is bad: %j', async (text, detector, message) => {
    const { code, err } = await gyre(['detect', '--detector', detector], text);
    expect(code).toBe(1);
    expect(err).toMatch(message);
  });

  it('loads no server: neither Nest nor gRPC, onnxruntime, DuckDB or the schemas', async () => {
    const forbidden = `import { registerHooks } from 'node:module';
      registerHooks({ resolve(name, context, next) {
        if (/nestjs|grpc|onnxruntime|duckdb|zod/.test(name)) throw new Error('it loads ' + name);
        return next(name, context);
      } });`;
    const main = fileURLToPath(new URL('../main.js', import.meta.url));
    const [before, now] = [file('few.csv', 'a\n1\n2\n'), file('more.csv', 'a\n1\n2\n3\n')];
    const argv = ['--import', `data:text/javascript,${encodeURIComponent(forbidden)}`, main];
    const run = promisify(execFile);
    await run(process.execPath, [...argv, 'drift', 'compare', '--reference', before, '--current', now]);
    await expect(run(process.execPath, [...argv, 'up', 'no-such-service'])).rejects.toThrow(/it loads/);
  });
});

describe('gyre drift compare', () => {
  /** Rows in which `amount` and `channel` may drift, `age` may go missing, and the others stay. */
  function table(rows: number, seed: number, drifted: boolean): Record<string, string | number>[] {
    const draw = draws(seed);
    return Array.from({ length: rows }, (_, row) => ({
      key: `k${seed}-${row}`,
      amount: Number((draw() + draw() + draw() + (drifted ? 0.6 : 0)).toFixed(4)),
      steady: Number((draw() * draw()).toFixed(6)),
      flag: Number(draw() < 0.3),
      channel: draw() < (drifted ? 0.3 : 0.8) ? 'web' : drifted ? 'kiosk, new' : 'app',
      age: draw() < (drifted ? 0.2 : 0.02) ? '' : Math.floor(20 + 40 * draw()),
    }));
  }
  const csv = (rows: Record<string, string | number>[]) =>
    [Object.keys(rows[0]!), ...rows.map(Object.values)]
      .map((row) => row.map((cell) => `"${cell}"`).join(','))
      .join('\n');
  const reference = file('reference.csv', csv(table(3_000, 1, false)));
  const current = file('current.csv.gz', gzipSync(csv(table(2_500, 2, true))));
  const compared = async (...argv: string[]): Promise<Comparison> =>
    JSON.parse((await gyre(['compare', '--reference', reference, '--current', current, '--json', ...argv])).out);

  it('finds what drifted, what went missing, and leaves the rest alone', async () => {
    const { columns, drifted } = await compared();
    expect(drifted).toBe(2);
    expect(Object.fromEntries(columns.map(({ column, kind, verdict }) => [column, [kind, verdict]]))).toEqual({
      channel: ['text', 'drift'],
      amount: ['numeric', 'drift'],
      age: ['numeric', 'missing'],
      steady: ['numeric', 'same'],
      flag: ['discrete', 'same'],
      key: ['text', 'skipped'],
    });
    expect(columns.find(({ column }) => column === 'channel')).toMatchObject({
      newLevels: ['kiosk, new'],
      vanishedLevels: ['app'],
    });
    const p = columns.flatMap(({ tests, missing }) => [...tests, missing]).filter(({ pValue }) => pValue !== null);
    for (const { pValue, corrected } of p) expect(corrected).toBeGreaterThanOrEqual(pValue!);
    expect(p.some(({ pValue, corrected }) => corrected! > pValue!)).toBe(true);
  });

  it('says nothing of a file and itself', async () => {
    const { out } = await gyre(['compare', '--reference', reference, '--current', reference]);
    expect(out).toMatch(/^0 of 5 compared columns drifted/m);
    expect(out).toMatch(/amount +numeric +same +0\.000 +1\.000/);
  });

  it('gives the same verdicts for Parquet as for CSV', async () => {
    const parquet = join(folder, 'current.parquet');
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const text = `SELECT * REPLACE (CAST(amount AS DECIMAL(9, 4)) AS amount) FROM read_csv('${current}', header = true)`;
    await connection.run(`COPY (${text}) TO '${parquet}' (FORMAT parquet)`);
    connection.closeSync();
    const { columns: expected, together } = await compared();
    const found = JSON.parse((await gyre(['compare', '--reference', reference, '--current', parquet, '--json'])).out);
    expect(found.columns).toEqual(expected);
    expect(found.together).toEqual(together);
  });

  it('compares on two threads as on one', async () => {
    const large = [3, 4].map((seed) => file(`large-${seed}.csv`, csv(table(40_000, seed, seed === 4))));
    const answer = JSON.parse(
      (await gyre(['compare', '--reference', large[0]!, '--current', large[1]!, '--json'])).out,
    );
    const verdicts = (answer as Comparison).columns.map(({ column, verdict }) => [column, verdict]);
    expect(verdicts.slice(0, 3)).toEqual([
      ['channel', 'drift'],
      ['amount', 'drift'],
      ['age', 'missing'],
    ]);
    expect(new Map(verdicts as [string, string][])).toEqual(
      new Map([
        ...(verdicts.slice(0, 3) as [string, string][]),
        ['flag', 'same'],
        ['steady', 'same'],
        ['key', 'skipped'],
      ]),
    );
    const broken = file('broken.csv', `${csv(table(40_000, 5, false))}\n1,2\n`);
    const said = await gyre(['compare', '--reference', large[0]!, '--current', broken]);
    expect([said.code, said.err]).toEqual([1, `${broken}, line 40002: this row has 2 cells, and the header 6\n`]);
  });

  it('compares the columns together: finds two that came apart though each is as it was, from as many sampled rows, and names them', async () => {
    const rows = (seed: number, apart: boolean) => {
      const draw = draws(seed);
      const lines = Array.from({ length: 4_000 }, () => {
        const first = draw();
        const second = apart ? draw() : (first + 0.5) % 1;
        return `${first},${second},${draw()},${draw() < 0.5 ? 'north' : 'south'}`;
      });
      return `first,second,other,place\n${lines.join('\n')}\n`;
    };
    const [before, still, apart] = [rows(11, false), rows(12, false), rows(13, true)].map((text, i) =>
      file(`together-${i}.csv`, text),
    ) as [string, string, string];
    const html = join(folder, 'together.html');
    const argv = (current: string) => ['compare', '--reference', before, '--current', current];
    const same = JSON.parse((await gyre([...argv(still), '--json'])).out) as Comparison;
    expect(same.together).toMatchObject({ verdict: 'same', columns: ['first', 'second', 'other', 'place'] });
    const found = JSON.parse((await gyre([...argv(apart), '--json', '--html', html])).out) as Comparison;
    expect(found.drifted).toBe(0);
    const { verdict, rows: sampled, classifier, reconstruction } = found.together;
    expect([verdict, sampled]).toEqual(['drift', { reference: 1_000, current: 1_000 }]);
    expect(classifier!.rocAuc).toBeGreaterThan(0.75);
    expect(classifier!.corrected).toBeLessThan(1e-9);
    expect(
      classifier!.importance
        .slice(0, 2)
        .map(({ column }) => column)
        .sort(),
    ).toEqual(['first', 'second']);
    expect(reconstruction!.corrected).toBeGreaterThanOrEqual(reconstruction!.pValue);
    expect((await gyre(argv(apart))).out).toMatch(
      /^All columns together: drift, .*ROC AUC 0\.[789]\d, most by (first, second|second, first)\).*From 1,000 of 4,000 and 1,000 of 4,000 rows\.$/m,
    );
    const report = readFileSync(html, 'utf8');
    expect(report).toMatch(/No column drifted by itself, but the columns together did/);
    expect(report).toMatch(/ROC AUC of a domain classifier/);
    const one = JSON.parse((await gyre([...argv(apart), '--columns', 'first', '--json'])).out) as Comparison;
    expect(one.together).toMatchObject({ verdict: 'skipped', classifier: null, reconstruction: null });
  });

  it('takes a column that became text as text on both sides', async () => {
    const before = file('codes.csv', `code\n${Array.from({ length: 200 }, (_, i) => i % 3).join('\n')}\n`);
    const now = file(
      'words.csv',
      `code\n${Array.from({ length: 200 }, (_, i) => ['zero', '1', '2'][i % 3]).join('\n')}\n`,
    );
    for (const [reference, current] of [
      [before, now],
      [now, before],
    ] as const) {
      const { out } = await gyre(['compare', '--reference', reference, '--current', current, '--json']);
      const [column] = JSON.parse(out).columns;
      expect(column).toMatchObject({ kind: 'text', verdict: 'drift' });
      expect(column.histogram.levels.sort()).toEqual(['0', '1', '2', 'zero']);
    }
  });

  it('runs the tests that were asked for, and takes other corrections', async () => {
    const { columns } = await compared(
      '--tests',
      'psi,ks,energy,mann-whitney',
      '--columns',
      'amount,channel',
      '--correction',
      'none',
    );
    expect(columns.map(({ column, tests }) => [column, tests.map(({ test }) => test)])).toEqual([
      ['channel', ['psi']],
      ['amount', ['psi', 'ks', 'energy', 'mann-whitney']],
    ]);
    for (const { tests } of columns) for (const { pValue, corrected } of tests) expect(corrected).toBe(pValue);
  });

  it('writes a report that needs nothing else and runs nothing that a file says', async () => {
    const evil = file('evil.csv', 'a,<script>alert(1)</script>\n1,<img src=x onerror=alert(1)>\n2,b\n');
    const html = join(folder, 'report.html');
    const { code } = await gyre(['compare', '--reference', evil, '--current', evil, '--html', html]);
    expect(code).toBe(0);
    const report = readFileSync(html, 'utf8');
    expect(report).toMatch(/<svg /);
    expect(report).not.toMatch(/<script|<img|https?:|@import|url\(/);
  });

  it.each([
    [['--reference', 'nowhere.csv', '--current', 'nowhere.csv'], 1, /there is no file nowhere.csv/],
    [
      ['--reference', reference, '--current', current, '--tests', 'ks,psy'],
      2,
      /no test is called psy; there are: psi, /,
    ],
    [
      ['--reference', reference, '--current', current, '--columns', 'amuont'],
      2,
      /no column is called amuont; there are: key, amount/,
    ],
    [['--reference', reference, '--current', current, '--alpha', '5'], 2, /between 0 and 1/],
    [['--reference', file('other.csv', 'z\n1\n'), '--current', current], 2, /share no column/],
    [
      ['--reference', file('cut.gz', gzipSync('a\n1\n'.repeat(99)).subarray(0, 20)), '--current', current],
      1,
      /damaged or cut off/,
    ],
    [['--reference', file('cut.parquet', 'PAR1junk'), '--current', current], 1, /cut.parquet as Parquet/],
    [['--reference', reference], 2, /--current/],
  ])('says what would be right: %#', async (argv, code, message) => {
    const said = await gyre(['compare', ...argv]);
    expect([said.code, said.out]).toEqual([code, '']);
    expect(said.err).toMatch(message);
  });
});

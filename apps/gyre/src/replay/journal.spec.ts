import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Journal, openReplay, readJournal, type Answer, type Fingerprint } from './journal.js';

const fingerprint: Fingerprint = {
  file: 'x.csv',
  sha256: 'ab',
  spec: 'cd',
  rows: 4,
  step: 2,
  labelDelay: 0,
  start: 0,
  intervalMs: 1_000,
  timeColumn: null,
};
const answer = (row: number): Answer => ({ id: `p${row}`, version: row, fallback: null, output: [0.1 + row, 1 / 3] });
const directory = () => mkdtempSync(join(tmpdir(), 'gyre-journal-'));
const fileOf = (where: string) => join(where, 'replay.ndjson');

async function written(where: string): Promise<Buffer> {
  await openReplay(where, fingerprint, false);
  const journal = new Journal(where, { bytes: readFileSync(fileOf(where)).length });
  journal.answers(0, [answer(0), { refused: 'NOT_READY' }]);
  journal.done(0, 0.5);
  journal.answers(2, [answer(2)]);
  journal.answers(3, [answer(3)]);
  journal.done(1, 1.25);
  journal.close();
  return readFileSync(fileOf(where));
}

describe('the journal of a replay', () => {
  it('gives back what was written', async () => {
    const where = directory();
    const bytes = await written(where);
    expect(await readJournal(where)).toEqual({
      fingerprint,
      stepsDone: 2,
      seconds: 1.25,
      bytes: bytes.length,
      answers: [answer(0), { refused: 'NOT_READY' }, answer(2), answer(3)],
    });
  });

  it('torn anywhere, goes on after its last whole line', async () => {
    const whole = await written(directory());
    const text = whole.toString('latin1');
    const ends = [...text.matchAll(/\n/g)].map(({ index }) => index);
    for (const cut of [0, 1, ...ends.flatMap((end) => [end - 20, end - 1, end, end + 1])]) {
      const where = directory();
      writeFileSync(fileOf(where), whole.subarray(0, cut));
      const past = await openReplay(where, fingerprint, true);
      const lines = text.slice(0, cut).split('\n').length - 1;
      expect(past?.answers.length ?? 0).toBe([0, 0, 2, 2, 3, 4, 4][lines]);
      expect(past?.stepsDone ?? 0).toBe([0, 0, 0, 1, 1, 1, 2][lines]);
      if (past === undefined) continue;
      const journal = new Journal(where, past);
      journal.answers(past.answers.length, [answer(9)]);
      journal.close();
      expect((await readJournal(where))?.answers.at(-1)).toEqual(answer(9));
    }
  });

  it('damaged in its middle, is refused with the line', async () => {
    const where = directory();
    const text = (await written(where)).toString('utf8');
    writeFileSync(fileOf(where), text.replace('"kind":"done"', '"kind":"don'));
    await expect(readJournal(where)).rejects.toThrow(/damaged at line 3/);
    writeFileSync(fileOf(where), text.split('\n').toSpliced(3, 1).join('\n'));
    await expect(readJournal(where)).rejects.toThrow(/damaged at line 4/);
  });
});

describe('the directory of a replay', () => {
  it('is not replayed into twice, unless it is to go on', async () => {
    const where = directory();
    await written(where);
    await expect(openReplay(where, fingerprint, false)).rejects.toThrow(
      /go on with --resume, or give another --data-dir/,
    );
    expect((await openReplay(where, fingerprint, true))?.answers).toHaveLength(4);
  });

  it('goes on with the same input only, and says what differs', async () => {
    const where = directory();
    await written(where);
    const other = { ...fingerprint, sha256: 'ef', step: 10 };
    await expect(openReplay(where, other, true)).rejects.toThrow(
      /content of the file \(sha-256\): began with ab, now ef\n--step: began with 2, now 10/,
    );
  });

  it('holds nothing else', async () => {
    const where = directory();
    appendFileSync(join(where, 'thesis.txt'), 'x');
    await expect(openReplay(where, fingerprint, true)).rejects.toThrow(
      /not empty and holds no replay \(it holds thesis.txt\)/,
    );
    expect(await readJournal(where)).toBeUndefined();
  });
});

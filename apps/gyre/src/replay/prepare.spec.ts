import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSpecs } from '@gyre/hosting';
import { prepare, withBootstrap } from './prepare.js';

const EXAMPLES = fileURLToPath(new URL('../../../../examples/', import.meta.url));
const options = {
  labelDelay: 0,
  step: 50,
  limit: undefined,
  bootstrapRows: undefined,
  start: 0,
  intervalMs: 1_000,
  timeColumn: null,
  resume: false,
};
const directory = () => join(mkdtempSync(join(tmpdir(), 'gyre-prepare-')), 'new');

describe('preparing a replay', () => {
  it.each([
    ['elec2', 45_312, 2_000],
    ['sea_abrupt', 40_000, 2_000],
    ['rbf_multiclass', 30_000, 1_500],
    ['friedman_drift', 20_000, 1_000],
  ])(
    'takes the example %s: its first champion is trained on 5 %% of the file, at most 2,000 rows',
    async (name, rows, bootstrap) => {
      const { replay, past } = await prepare(
        { ...options, file: `${EXAMPLES}data/${name}.csv.gz`, spec: `${EXAMPLES}${name}.yaml` },
        directory(),
      );
      expect([replay.fingerprint.rows, replay.base, past]).toEqual([rows, name, undefined]);
      const { retraining, inputs } = readSpecs(replay.specText, 'spec.yaml').models[0] ?? {};
      expect([retraining?.bootstrapLabels, retraining?.minLabels]).toEqual([bootstrap, 500]);
      expect(inputs).toHaveLength(replay.columns.length - 1);
    },
  );

  it('refuses a spec with all its problems, with lines, before anything is written', async () => {
    const where = directory();
    const spec = join(mkdtempSync(join(tmpdir(), 'gyre-prepare-')), 'spec.yaml');
    writeFileSync(
      spec,
      'kind: Model\nname: m\nfeatures: [market.price]\nlabel: { name: class, type: binary, delay: -1 }\n',
    );
    const attempt = prepare({ ...options, file: `${EXAMPLES}data/elec2.csv.gz`, spec }, where);
    await expect(attempt).rejects.toMatchObject({
      code: 'SPEC_INVALID',
      message: expect.stringMatching(/spec\.yaml:4:\d+: label\.delay/),
    });
    expect(existsSync(where)).toBe(false);
  });

  it('refuses a model that would be given its label as an input', async () => {
    const spec = join(mkdtempSync(join(tmpdir(), 'gyre-prepare-')), 'spec.yaml');
    const text = readFileSync(`${EXAMPLES}elec2.yaml`, 'utf8');
    writeFileSync(spec, text.replace('name: class', 'name: nswprice'));
    await expect(
      prepare({ ...options, file: `${EXAMPLES}data/elec2.csv.gz`, spec }, directory()),
    ).rejects.toMatchObject({
      code: 'SPEC_INVALID',
      message: expect.stringMatching(/label\.name .* the input market\.nswprice/) as string,
    });
  });

  it('refuses a model that would never answer, and so never learn', async () => {
    const spec = join(mkdtempSync(join(tmpdir(), 'gyre-prepare-')), 'spec.yaml');
    writeFileSync(spec, `${readFileSync(`${EXAMPLES}elec2.yaml`, 'utf8')}\nfallback: { refuse: true }\n`);
    await expect(
      prepare({ ...options, file: `${EXAMPLES}data/elec2.csv.gz`, spec }, directory()),
    ).rejects.toMatchObject({ code: 'SPEC_INVALID', message: expect.stringContaining('give fallback.value') });
  });

  it.each([
    [{ timeColumn: 'at' }, /data\.csv: row 2 \(counted from 0\), column "at" is 2\d+-.*future/],
    [{ start: Date.now(), intervalMs: 3_600_000 }, /^row 2 .*future.*--start/],
  ])('refuses rows from the future before anything is written, as the platform would: %j', async (more, message) => {
    const where = directory();
    const home = mkdtempSync(join(tmpdir(), 'gyre-prepare-'));
    const [file, spec] = [join(home, 'data.csv'), join(home, 'spec.yaml')];
    const at = (ms: number) => new Date(Date.now() + ms).toISOString();
    writeFileSync(file, `at,x,y\n${at(-1_000)},1,0\n${at(0)},2,1\n${at(3_600_000)},3,0\n`);
    writeFileSync(
      spec,
      'kind: FeatureView\nname: v\nentity: e\nfields: { x: float }\n---\nkind: Model\nname: m\nfeatures: [v.*]\nlabel: { name: y, type: binary }\n',
    );
    const attempt = prepare({ ...options, ...more, file, spec }, where);
    await expect(attempt).rejects.toMatchObject({ code: 'BAD_REQUEST', message: expect.stringMatching(message) });
    expect(existsSync(where)).toBe(false);
    await prepare({ ...options, ...more, file, spec, limit: 1 }, where);
  });
});

describe('the rows of the first champion', () => {
  const spec = (retraining: string) =>
    `kind: FeatureView\nname: v\nentity: e\nfields: { x: float }\n---\n# why\nkind: Model\nname: m\nfeatures: [v.*]\nlabel: { name: y, type: binary }\n${retraining}`;
  const of = (text: string) => {
    const { bootstrapLabels, minLabels } = readSpecs(text, 'spec.yaml').models[0]?.retraining ?? {};
    return [bootstrapLabels, minLabels];
  };

  it.each([
    ['of a small file are few, and enough for a run', '', undefined, 2_000, [100, 100]],
    ['of a tiny file are the fewest there may be', '', undefined, 50, [20, 20]],
    ['are the spec’s, where it says so', 'retraining: { bootstrapLabels: 700 }\n', undefined, 2_000, [700, 500]],
    ['are the command line’s before all', 'retraining: { bootstrapLabels: 700 }\n', 300, 90_000, [300, 300]],
    ['are as many as the spec wants for a run', 'retraining: { minLabels: 400 }\n', undefined, 2_000, [400, 400]],
    ['leave a least number that the spec names', 'retraining: { minLabels: 90 }\n', undefined, 2_000, [100, 90]],
  ])('%s', (_, retraining, asked, rows, expected) => {
    const text = withBootstrap(spec(retraining), asked, rows);
    expect(of(text)).toEqual(expected);
    expect(text).toContain('# why');
  });
});

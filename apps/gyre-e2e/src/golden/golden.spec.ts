import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cbpeCases } from './cbpe-cases.js';
import { detectorCases } from './detector-cases.js';
import { metricCases } from './metric-cases.js';
import { onlineCases } from './online-cases.js';
import { shapCases } from './shap-cases.js';
import { sketchCases } from './sketch-cases.js';
import { twoSampleCases } from './two-sample-cases.js';
import { goldenFiles, type Claim } from './vectors.js';

/**
 * Whatever answers for golden vectors. `npm run test:golden` tries those of `libs/drift/testdata/golden`, and those of the folder that
 * GYRE_GOLDEN_DIR names; a case that nothing here claims fails.
 */
const claims: Claim[] = [
  ...cbpeCases,
  ...detectorCases,
  ...metricCases,
  ...onlineCases,
  ...shapCases,
  ...sketchCases,
  ...twoSampleCases,
];

const own = fileURLToPath(new URL('../../../../libs/drift/testdata/golden/', import.meta.url));
const elsewhere = process.env['GYRE_GOLDEN_DIR'];

describe.each([own, ...(elsewhere ? [resolve(elsewhere)] : [])])('golden vectors of %s', (dir) => {
  const files = goldenFiles(dir);

  it('exist', () => expect(files.flatMap(({ cases }) => cases).length).toBeGreaterThan(0));

  describe.each(files)('$name', (file) => {
    if (file.cases.length === 0) {
      it('has cases', () => {
        throw new Error(`${file.name} has a header, and no cases that could be claimed`);
      });
      return;
    }
    it.each(file.cases)('$id', (one) => {
      const answers = claims.filter((claim) => claim.claims(one, file));
      if (answers.length === 0) throw new Error(`no code claims ${file.name}, ${one.kind ?? 'case'} ${one.id}`);
      for (const claim of answers) claim.check(one, file);
    });
  });
});

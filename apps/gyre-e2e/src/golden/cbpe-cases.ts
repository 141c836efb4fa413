import { Cbpe } from '@gyre/drift';
import { expectLeaves, expectValue, type Claim, type GoldenCase } from './vectors.js';

interface CbpeCase extends GoldenCase {
  reference: { p: number[]; y: number[] };
  analysis: { p: number[] };
  needs_calibration: boolean;
  calibrated_analysis_p?: number[];
  expected: { chunks: ({ start: number; end: number } & Record<string, unknown>)[] };
}

/**
 * NannyML's estimates for a binary classifier: the values to 1e-9, the ROC AUC to 1e-6. Boundaries and thresholds are for information; `Cbpe`'s
 * own tests hold the boundaries too.
 */
const estimates: Claim = {
  claims: (one, { header }) => header['library'] === 'nannyml' && 'reference' in one && 'analysis' in one,
  check(golden) {
    const { reference, analysis, needs_calibration, calibrated_analysis_p, expected } = golden as CbpeCase;
    const cbpe = Cbpe.fit(reference.p, reference.y, { calibration: needs_calibration ? 'always' : 'never' });
    // The file has ten digits of these.
    const calibrated = calibrated_analysis_p ?? analysis.p;
    expectValue('calibrated_analysis_p', cbpe.calibrate(analysis.p), calibrated, { relative: 0, absolute: 1e-9 });
    for (const chunk of expected.chunks) {
      const p = analysis.p.slice(chunk.start, chunk.end + 1);
      const estimated = cbpe.estimate(p);
      const confusion = cbpe.confusion(p);
      const ours: Record<string, unknown> = {
        'own_formula.tp': confusion.truePositives,
        'own_formula.fp': confusion.falsePositives,
        'own_formula.fn': confusion.falseNegatives,
        'own_formula.tn': confusion.trueNegatives,
        'own_formula.roc_auc_ranked_by_p': estimated.rocAuc.value,
        'roc_auc.value': estimated.rocAuc.value,
      };
      for (const metric of ['accuracy', 'precision', 'recall', 'specificity', 'f1'] as const) {
        ours[`${metric}.value`] = ours[`own_formula.${metric}`] = estimated[metric].value;
      }
      expectLeaves(
        chunk,
        (path) => ours[path],
        (path) => ({ relative: path.includes('roc_auc') ? 1e-6 : 1e-9, absolute: 1e-12 }),
        (path) => /^(start|end|realised_)|ranked_by_q$|threshold$|boundary$|\.(alert|sampling_error)$/.test(path),
      );
    }
  },
};

export const cbpeCases: Claim[] = [estimates];

export type { Direction, DriftDetector, Verdict } from './detector.js';
export { createDetector, detectors, type DetectorName } from './detectors.js';
export { Adwin, adwinDefaults, type AdwinCut, type AdwinOptions, type AdwinState } from './adwin.js';
export { Cusum, cusumDefaults, type CusumOptions, type CusumState } from './cusum.js';
export { Ddm, ddmDefaults, type DdmOptions, type DdmState } from './ddm.js';
export {
  EDetector,
  eDetectorDefaults,
  type EDetectorOptions,
  type EDetectorState,
  type MeanChange,
} from './e-detector.js';
export { distanceVariance, Eddm, eddmDefaults, type EddmOptions, type EddmState } from './eddm.js';
export { Fhddm, fhddmDefaults, type FhddmOptions, type FhddmState } from './fhddm.js';
export { HddmA, hddmADefaults, type HddmAOptions, type HddmAState } from './hddm-a.js';
export { HddmW, hddmWDefaults, type HddmWOptions, type HddmWState } from './hddm-w.js';
export { Kswin, kswinDefaults, type KswinOptions, type KswinState } from './kswin.js';
export { PageHinkley, pageHinkleyDefaults, type PageHinkleyOptions, type PageHinkleyState } from './page-hinkley.js';
export {
  PairedComparison,
  type DifferenceInterval,
  type PairedComparisonOptions,
  type PairedComparisonState,
} from './paired-comparison.js';
export { ShareRise } from './share-rise.js';
export { binOf, quantileEdges, referenceBins, type BinningOptions, type ReferenceBins } from './reference-bins.js';
export { BinnedWindow, type BinnedWindowState } from './binned-window.js';
export { binCharacter, binnedRow, rowsOfBins } from './binned-rows.js';
export { calibratedMargin, simulatedAlarms, type CalibrationOptions } from './calibrated-margin.js';
export { Mulberry32 } from './mulberry32.js';
export { findSeason, type Season, type SeasonOptions } from './season.js';
export { countsWithMissing, psi, psiPValue, psiTest, type PsiTest } from './psi.js';
export { benjaminiHochberg, benjaminiYekutieli, bonferroni, hochberg, holm, sidak } from './multiple-testing.js';
export { chiSquareSurvival } from './gamma.js';
export { twoSampleTest, twoSampleTests, type TwoSampleResult, type TwoSampleTestName } from './two-sample-tests.js';
export { NumericPair, numericSample, type NumericSample, type PooledCounts } from './numeric-pair.js';
export { levelCounts, levelPair, type LevelCounts, type LevelPair } from './level-counts.js';
export { countBetween, distinctSturgesEdges, equalWidthEdges } from './histogram-edges.js';
export { kolmogorovSmirnov, type KolmogorovSmirnov } from './kolmogorov-smirnov.js';
export { kolmogorovLimit, kolmogorovSurvival } from './kolmogorov-distribution.js';
export { cramerVonMises, type CramerVonMises } from './cramer-von-mises.js';
export { andersonDarling, type AndersonDarling } from './anderson-darling.js';
export { mannWhitney, type MannWhitney } from './mann-whitney.js';
export { welch, type Welch } from './welch.js';
export { energyDistance, normedWassersteinDistance, wassersteinDistance } from './wasserstein.js';
export {
  hellingerDistance,
  jensenShannonDistance,
  jensenShannonDivergence,
  klDivergence,
  plainKlDivergence,
  totalVariation,
} from './divergences.js';
export { chiSquareAgainst, chiSquareTest, cramersV, gTest, type ChiSquare } from './chi-square.js';
export { fisherExact, type FisherExact } from './fisher.js';
export { twoProportions, type TwoProportions } from './two-proportions.js';
export { maximumMeanDiscrepancy, mmdTest, type MaximumMeanDiscrepancy, type MmdTestOptions } from './mmd.js';
export { sharesOf } from './shares.js';
export { streamOf, type StreamRecipe } from './stream-recipe.js';
export { QualityCounter, type QualityCounts, type ValueRange } from './quality-counter.js';
export { Cbpe, type CbpeOptions, type CbpeState, type PerformanceEstimate } from './cbpe.js';
export { MulticlassCbpe, type MulticlassCbpeOptions, type MulticlassCbpeState } from './cbpe-multiclass.js';
export type { CalibrationPolicy } from './calibration.js';
export { isotonicRegression, heightAt, type IsotonicCurve } from './isotonic.js';
export type { ClassificationMetric, ExpectedConfusion } from './expected-performance.js';
export type { SamplingSpread, SamplingSpreads } from './sampling-error.js';
export {
  Dle,
  type DleReference,
  type DleState,
  type LossEstimate,
  type LossLearner,
  type LossRows,
  type RegressionEstimates,
} from './dle.js';
export {
  lossDriftImportance,
  type LossContribution,
  type LossDrift,
  type LossDriftOptions,
  type RowLoss,
} from './loss-drift-importance.js';
export { QuantileSketch, type QuantileSketchOptions, type QuantileSketchState } from './quantile-sketch.js';
export { FrequentLevels, type FrequentLevelsState } from './frequent-levels.js';
export {
  PcaReconstruction,
  type PcaReconstructionOptions,
  type PcaReconstructionState,
  type ReconstructionDrift,
} from './pca-reconstruction.js';
export {
  domainClassifier,
  type DomainClassifierOptions,
  type DomainDrift,
  type TrainClassifier,
} from './domain-classifier.js';

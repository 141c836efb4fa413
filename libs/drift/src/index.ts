export type { DriftDetector, Verdict } from './detector.js';
export { createDetector, detectors, type DetectorName } from './detectors.js';
export { Adwin, adwinDefaults, type AdwinCut, type AdwinOptions, type AdwinState } from './adwin.js';
export { PageHinkley, pageHinkleyDefaults, type PageHinkleyOptions, type PageHinkleyState } from './page-hinkley.js';
export {
  PairedComparison,
  type DifferenceInterval,
  type PairedComparisonOptions,
  type PairedComparisonState,
} from './paired-comparison.js';

import { Adwin, adwinDefaults } from './adwin.js';
import { Cusum, cusumDefaults } from './cusum.js';
import { Ddm, ddmDefaults } from './ddm.js';
import { requireOption, type DriftDetector } from './detector.js';
import { EDetector, eDetectorDefaults } from './e-detector.js';
import { Eddm, eddmDefaults } from './eddm.js';
import { Fhddm, fhddmDefaults } from './fhddm.js';
import { HddmA, hddmADefaults } from './hddm-a.js';
import { HddmW, hddmWDefaults } from './hddm-w.js';
import { Kswin, kswinDefaults } from './kswin.js';
import { PageHinkley, pageHinkleyDefaults } from './page-hinkley.js';

/** Every sequential detector by the name that settings and the command line use. A new one is a line here. */
export const detectors = {
  adwin: { defaults: adwinDefaults, create: (options) => new Adwin(options) },
  'page-hinkley': { defaults: pageHinkleyDefaults, create: (options) => new PageHinkley(options) },
  cusum: { defaults: cusumDefaults, create: (options) => new Cusum(options) },
  ddm: { defaults: ddmDefaults, create: (options) => new Ddm(options) },
  eddm: { defaults: eddmDefaults, create: (options) => new Eddm(options) },
  'e-detector': { defaults: eDetectorDefaults, create: (options) => new EDetector(options) },
  fhddm: { defaults: fhddmDefaults, create: (options) => new Fhddm(options) },
  'hddm-a': { defaults: hddmADefaults, create: (options) => new HddmA(options) },
  'hddm-w': { defaults: hddmWDefaults, create: (options) => new HddmW(options) },
  kswin: { defaults: kswinDefaults, create: (options) => new Kswin(options) },
} satisfies Record<string, Registered>;

/** One line of the map. `create` takes some of the options in `defaults`, and nothing else. */
interface Registered {
  defaults: object;
  create: (options: object) => DriftDetector<unknown>;
}

export type DetectorName = keyof typeof detectors;

/**
 * A detector by name, for callers whose settings are data.
 *
 * @param options some of the detector's options; the others take their defaults
 * @throws RangeError if there is no such detector or option, or an option has the wrong type or range
 */
export function createDetector(name: string, options: Record<string, unknown> = {}): DriftDetector<unknown> {
  requireOption(Object.hasOwn(detectors, name), `detector is one of ${Object.keys(detectors).join(', ')}`, name);
  const { defaults, create }: Registered = detectors[name as DetectorName];
  for (const [option, value] of Object.entries(options)) {
    const expected = (defaults as Record<string, unknown>)[option];
    requireOption(Object.hasOwn(defaults, option), `${name} takes ${Object.keys(defaults).join(', ')}`, option);
    requireOption(
      expected === null || typeof value === typeof expected,
      `${name}: ${option} is a ${typeof expected}`,
      value,
    );
  }
  return create(options);
}

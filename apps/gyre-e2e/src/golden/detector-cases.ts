import {
  createDetector,
  distanceVariance,
  fhddmDefaults,
  kolmogorovSmirnov,
  kswinDefaults,
  NumericPair,
  streamOf,
  type AdwinState,
  type EddmState,
  type FhddmState,
  type HddmWState,
  type StreamRecipe,
} from '@gyre/drift';
import { PythonRandom } from './python-random.js';
import { dataColumns, expectValue, requireClaimed, type Claim, type GoldenCase, type GoldenFile } from './vectors.js';

interface DetectorCase extends GoldenCase {
  detector: string;
  params: Record<string, unknown>;
  stream?: StreamRecipe & { check: { n: number; sum: number } };
  stream_ref?: string;
  stream_file?: string;
  column?: string;
  expected: {
    drift: number[];
    warning_ranges?: [number, number][];
    warning_ranges_first_60?: [number, number][];
    warning_updates?: number;
    snapshots?: Record<string, number | null>[];
    tests_run?: number;
    tests?: (Record<string, unknown> & { i: number })[];
  };
}
interface StreamCase extends GoldenCase {
  stream_id: string;
  n: number;
  ones: number;
  bits_base64: string;
}

/** How River names a detector of ours, and what River's properties are in terms of our state. */
interface River<State> {
  name: string;
  view: (state: State, params: Record<string, unknown>) => Record<string, number | null>;
}
const river: Record<string, River<never>> = {
  ADWIN: {
    name: 'adwin',
    view: ({ width, total, sumSquaredDeviations, restarts }: AdwinState) => ({
      width,
      total,
      estimation: total / width,
      variance: sumSquaredDeviations / width,
      sum_sq_dev: sumSquaredDeviations,
      n_detections: restarts ? 1 : 0,
    }),
  },
  PageHinkley: { name: 'page-hinkley', view: snakeCase },
  DDM: { name: 'ddm', view: snakeCase },
  EDDM: {
    name: 'eddm',
    view: (state: EddmState) => ({ ...snakeCase(state), variance_distance: distanceVariance(state) }),
  },
  FHDDM: {
    name: 'fhddm',
    // River drops the oldest value of a full window at the end of an update, we at the beginning of the next.
    view: ({ uMax, window }: FhddmState, { sliding_window_size: size = fhddmDefaults.slidingWindowSize }) => ({
      u_max: uMax,
      n_one: sum(window.slice(window.length === size ? 1 : 0)),
    }),
  },
  HDDM_A: { name: 'hddm-a', view: snakeCase },
  HDDM_W: {
    name: 'hddm-w',
    view: ({ total, incrBefore, incrSince, incrCutpoint, decrCutpoint }: HddmWState) => ({
      ...total,
      s1_incr: incrBefore.ewma,
      s2_incr: incrSince.ewma,
      incr_cutpoint: incrCutpoint,
      decr_cutpoint: decrCutpoint,
    }),
  },
};

const DETECTIONS = ['drift', 'warning_ranges', 'warning_ranges_first_60', 'warning_updates', 'snapshots'];

const ofRiver = (file: GoldenFile) => file.header['library'] === 'river';

/** River's detectors: where they detect and warn, exactly, and their inner state to 1e-9. */
const detections: Claim = {
  claims: (one, file) => ofRiver(file) && 'detector' in one && Object.hasOwn(river, one.detector as string),
  check(golden, file) {
    const { detector, params, expected } = golden as DetectorCase;
    const { name, view } = river[detector]!;
    const ours = createDetector(name, camelCase(params));
    const drifts: number[] = [];
    const warnings: number[] = [];
    requireClaimed(expected, DETECTIONS);
    const snapshots = new Map((expected.snapshots ?? []).map((shot) => [shot['i'], shot]));
    streamFor(golden as DetectorCase, file).forEach((value, i) => {
      const verdict = ours.update(value);
      if (verdict === 'drift') drifts.push(i);
      if (verdict === 'warning') warnings.push(i);
      const shot = snapshots.get(i);
      if (shot !== undefined) expectState({ i, ...view(ours.state() as never, params) }, shot);
      snapshots.delete(i);
    });
    expect([...snapshots.keys()]).toEqual([]);
    expect(drifts).toEqual(expected.drift);
    const { warning_updates: updates = warnings.length } = expected;
    expect(updates - warnings.length).toBeGreaterThanOrEqual(0);
    expect(updates - warnings.length).toBeLessThanOrEqual(drifts.length);
    // River may show a warning beside a drift; here a drift is a drift. The file cuts long lists off.
    const firstOnly = expected.warning_ranges_first_60;
    const ranges = firstOnly ?? expected.warning_ranges ?? [];
    const end = firstOnly?.at(-1)?.[1] ?? Infinity;
    const warned = ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, k) => from + k));
    expect(warnings.filter((i) => i <= end)).toEqual(warned.filter((i) => !drifts.includes(i)));
  },
};

/**
 * A detector that draws at random: River's tests at every update, on the positions that its generator draws, with our statistic and p-value. What ours draws
 * differs, so its detections are not these.
 */
const drawnTests: Claim = {
  claims: (one, file) => ofRiver(file) && 'detector' in one && one.detector === 'KSWIN',
  check(golden, file) {
    const { params, expected } = golden as DetectorCase;
    requireClaimed(expected, ['drift', 'tests_run', 'tests']);
    const stream = streamFor(golden as DetectorCase, file);
    const { alpha, windowSize, statSize } = { ...kswinDefaults, ...camelCase(params) };
    createDetector('kswin', { ...camelCase(params), seed: 1 });
    const recorded = new Map((expected.tests ?? []).map((test) => [test.i, test]));
    const drifts: number[] = [];
    let run = 0;
    let random: PythonRandom | undefined;
    for (let start = 0, i = windowSize - 1; i < stream.length; i += 1) {
      if (i - start < windowSize - 1) continue;
      // River without a seed draws otherwise each time: such a case is refused here.
      random ??= new PythonRandom(params['seed'] as number);
      const window = stream.slice(i + 1 - windowSize, i + 1);
      const positions = random.sample(windowSize - statSize, statSize);
      const older = positions.map((position) => window[position]!);
      const { statistic, pValue } = kolmogorovSmirnov(NumericPair.of(older, window.slice(-statSize)), 'exact');
      const drift = statistic > 0.1 && pValue <= alpha;
      run += 1;
      const shown = {
        i,
        window_is_stream_indices: [i + 1 - windowSize, i],
        sampled_positions: positions,
        statistic,
        p_value: pValue,
        drift,
      };
      const test = recorded.get(i);
      if (test !== undefined) expectState(shown, test);
      recorded.delete(i);
      if (!drift) continue;
      drifts.push(i);
      start = i + 1;
      random = undefined;
    }
    expect(drifts).toEqual(expected.drift);
    expect(run).toBe(expected.tests_run ?? run);
    expect([...recorded.keys()]).toEqual([]);
  },
};

/** Recorded streams, which cases refer to. */
const recordedStreams: Claim = {
  claims: (one) => 'stream_id' in one && 'bits_base64' in one,
  check: (one) => expect(bitsOf(one as StreamCase)).toHaveLength((one as StreamCase).n),
};

export const detectorCases: Claim[] = [detections, drawnTests, recordedStreams];

function streamFor(one: DetectorCase, file: GoldenFile): number[] {
  if (one.stream !== undefined) {
    const values = streamOf(one.stream);
    if (values.length !== one.stream.check.n || sum(values) !== one.stream.check.sum) throw new Error('not its stream');
    return values;
  }
  if (one.stream_ref !== undefined) {
    const recorded = file.cases.find((other) => 'stream_id' in other && other.stream_id === one.stream_ref);
    if (recorded === undefined) throw new Error(`there is no stream ${one.stream_ref}`);
    return bitsOf(recorded as StreamCase);
  }
  const values = dataColumns(file, one.stream_file!)[one.column!];
  if (values === undefined) throw new Error(`${one.stream_file} has no column ${one.column}`);
  return values;
}

function bitsOf({ n, ones, bits_base64: bits }: StreamCase): number[] {
  const bytes = Buffer.from(bits, 'base64');
  const values = Array.from({ length: n }, (_, i) => (bytes[i >> 3]! >> (7 - (i & 7))) & 1);
  if (sum(values) !== ones) throw new Error('not its bits');
  return values;
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The headers' tolerance: 1e-9 relative, and 1e-6 for ADWIN's squares, which River sums in another order. */
function expectState(ours: Record<string, unknown>, theirs: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(theirs)) {
    const relative = key === 'variance' || key === 'sum_sq_dev' ? 1e-6 : 1e-9;
    expectValue(`${key} at ${theirs['i']}`, ours[key], value, { relative, absolute: 1e-12 });
  }
}

function camelCase(params: Record<string, unknown>): Record<string, unknown> {
  const camel = (key: string) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(params).map(([key, value]) => [camel(key), value]));
}

function snakeCase(state: object): Record<string, number | null> {
  const snake = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(state).map(([key, value]) => [snake(key), value as number | null]));
}

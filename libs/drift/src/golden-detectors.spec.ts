import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { AdwinState } from './adwin.js';
import { createDetector } from './detectors.js';
import { distanceVariance, type EddmState } from './eddm.js';
import { fhddmDefaults, type FhddmState } from './fhddm.js';
import type { HddmWState } from './hddm-w.js';
import { gapPValue, largestGap } from './kolmogorov-smirnov.js';
import { kswinDefaults } from './kswin.js';
import { streamOf, type StreamRecipe } from './stream-recipe.js';

/** Other people's numbers: River's, made by River. Each file's header says with which version and how. */
const here = fileURLToPath(new URL('../testdata/golden/', import.meta.url));
const elsewhere = process.env['GYRE_GOLDEN_DIR'];

interface DetectorCase {
  id: string;
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
    snapshots?: Record<string, number | null>[];
    tests?: DrawnTest[];
  };
}
interface DrawnTest {
  i: number;
  window_is_stream_indices: [number, number];
  sampled_positions: number[];
  statistic: number;
  p_value: number;
  drift: boolean;
}
interface StreamCase {
  id: string;
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

/** Of these, whose draws are random, the tests are compared, for River's draws, and not where they happened to strike. */
const drawn = ['KSWIN'];
/** Detectors that nothing here claims yet. One that is added takes its name away. */
const notYetClaimed: string[] = [];
/** Cases whose stream is a file that does not lie beside the vectors. */
const withoutStream = [
  'ADWIN/nswprice/',
  'ADWIN/nswprice/delta=1e-05,clock=1',
  'PageHinkley/nswprice/threshold=5.0,delta=0.01',
];

describe.each([here, ...(elsewhere === undefined ? [] : [elsewhere])])('golden vectors of River in %s', (dir) => {
  for (const file of ['detectors.json', 'detectors_real.json'].filter((name) => existsSync(join(dir, name)))) {
    const all = (JSON.parse(readFileSync(join(dir, file), 'utf8')) as { cases: (DetectorCase | StreamCase)[] }).cases;
    const recorded = new Map(all.flatMap((one) => ('stream_id' in one ? [[one.stream_id, bitsOf(one)]] : [])));
    const cases = all.filter((one): one is DetectorCase => 'detector' in one);
    const claimed = cases.filter((one) => one.detector in river || drawn.includes(one.detector));
    const ready = claimed.flatMap((one) => {
      const stream = streamFor(one, recorded, dir);
      return stream === undefined ? [] : [{ ...one, stream }];
    });

    it(`${file}: every case is claimed or listed as not yet claimed`, () => {
      const detectorsLeft = new Set(cases.filter((one) => !claimed.includes(one)).map((one) => one.detector));
      expect([...detectorsLeft].filter((name) => !notYetClaimed.includes(name))).toEqual([]);
      const left = claimed.filter((one) => !ready.some(({ id }) => id === one.id)).map((one) => one.id);
      expect(left).toEqual(dir === here && file === 'detectors_real.json' ? withoutStream : []);
      if (file === 'detectors.json' && dir === here) expect([...detectorsLeft].sort()).toEqual(notYetClaimed);
    });

    const random = ready.filter((one) => drawn.includes(one.detector));
    it(`${file}: tests what River draws as River does, for detectors that draw`, () => {
      for (const one of random) expectSameTests(one);
    });

    it.each(ready.filter((one) => one.detector in river))(
      `${file}: detects where River does, from the same state: $id`,
      ({ detector, params, stream, expected }) => {
        const { name, view } = river[detector]!;
        const ours = createDetector(name, camelCase(params));
        const drifts: number[] = [];
        const warnings: number[] = [];
        const snapshots = new Map((expected.snapshots ?? []).map((shot) => [shot['i'], shot]));
        stream.forEach((value, i) => {
          const verdict = ours.update(value);
          if (verdict === 'drift') drifts.push(i);
          if (verdict === 'warning') warnings.push(i);
          const shot = snapshots.get(i);
          if (shot !== undefined) expectClose({ i, ...view(ours.state() as never, params) }, shot);
        });
        expect(drifts).toEqual(expected.drift);
        // River may show a warning beside a drift; here a drift is a drift. The file cuts long lists off.
        const firstOnly = expected.warning_ranges_first_60;
        const ranges = firstOnly ?? expected.warning_ranges ?? [];
        const end = firstOnly?.at(-1)?.[1] ?? Infinity;
        const warned = ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, k) => from + k));
        expect(warnings.filter((i) => i <= end)).toEqual(warned.filter((i) => !drifts.includes(i)));
      },
    );
  }
});

/** A detector that draws: its statistics, p-values and verdicts for the positions that River drew. */
function expectSameTests({
  params,
  stream,
  expected,
}: Pick<DetectorCase, 'params' | 'expected'> & { stream: number[] }): void {
  const { alpha, statSize } = { ...kswinDefaults, ...camelCase(params) };
  expect(expected.tests!.length).toBeGreaterThan(0);
  for (const test of expected.tests!) {
    const [from, to] = test.window_is_stream_indices;
    const window = stream.slice(from, to + 1);
    const older = test.sampled_positions.map((position) => window[position]!).sort((a, b) => a - b);
    const gap = largestGap(
      older,
      window.slice(-statSize).sort((a, b) => a - b),
    );
    const ours = { i: test.i, statistic: gap / statSize, p_value: gapPValue(statSize, gap) };
    expectClose(ours, { i: test.i, statistic: test.statistic, p_value: test.p_value });
    expect(ours.statistic > 0.1 && ours.p_value <= alpha).toBe(test.drift);
  }
}

function streamFor(one: DetectorCase, recorded: Map<string, number[]>, dir: string): number[] | undefined {
  if (one.stream !== undefined) {
    const values = streamOf(one.stream);
    if (values.length !== one.stream.check.n || sum(values) !== one.stream.check.sum)
      throw new Error(`${one.id}: not its stream`);
    return values;
  }
  if (one.stream_ref !== undefined) return recorded.get(one.stream_ref);
  const path = join(dir, '../data', basename(one.stream_file!));
  if (!existsSync(path)) return undefined;
  const [header, ...rows] = gunzipSync(readFileSync(path)).toString().trim().split('\n');
  const column = header!.trim().split(',').indexOf(one.column!);
  return rows.map((row) => Number(row.split(',')[column]));
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
function expectClose(ours: Record<string, unknown>, theirs: Record<string, number | null>): void {
  for (const [key, value] of Object.entries(theirs)) {
    const got = ours[key];
    const tolerance = key === 'variance' || key === 'sum_sq_dev' ? 1e-6 : 1e-9;
    const close =
      value === null || typeof got !== 'number'
        ? got === value
        : Math.abs(got - value) <= tolerance * Math.abs(value) + 1e-12;
    if (!close) throw new Error(`${key} is ${String(got)}, not ${String(value)}, at ${String(theirs['i'])}`);
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

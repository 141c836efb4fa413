import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

/** One case of a file of golden vectors: its inputs, and the numbers that somebody else's code made of them. */
export interface GoldenCase {
  id: string;
  kind?: string;
  expected?: Record<string, unknown>;
}

/** A file of golden vectors. The header names whose numbers they are, the conventions and the tolerances. */
export interface GoldenFile {
  name: string;
  dir: string;
  header: Record<string, unknown>;
  cases: GoldenCase[];
}

/** Code of ours that answers for some cases. */
export interface Claim {
  /** By the file's header and the case's shape, never by the file's name. */
  claims(one: GoldenCase, file: GoldenFile): boolean;
  /** @throws if we do not come to the numbers expected */
  check(one: GoldenCase, file: GoldenFile): void;
}

/** The files of vectors in a folder. A JSON file with neither header nor cases is no such file. */
export function goldenFiles(dir: string): GoldenFile[] {
  return readdirSync(dir)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .flatMap((name) => {
      const content = JSON.parse(readFileSync(join(dir, name), 'utf8')) as Partial<GoldenFile>;
      if (content.header === undefined && content.cases === undefined) return [];
      return [{ name, dir, header: content.header ?? {}, cases: content.cases ?? [] }];
    });
}

/** The columns of a data file that vectors refer to: beside them, or among the examples. */
export function dataColumns(file: GoldenFile, reference: string, rows?: number): Record<string, number[]> {
  const name = basename(reference);
  const places = [
    join(file.dir, '../data', name),
    fileURLToPath(new URL(`../../../../examples/data/${name}`, import.meta.url)),
  ];
  const path = places.find(existsSync);
  if (path === undefined) throw new Error(`${name} is not in ${places.join(' or ')}`);
  const [header, ...lines] = gunzipSync(readFileSync(path))
    .toString()
    .trim()
    .split('\n')
    .slice(0, rows === undefined ? undefined : rows + 1);
  const table = lines.map((line) => line.split(',').map(Number));
  return Object.fromEntries(
    header!
      .trim()
      .split(',')
      .map((column, i) => [column, table.map((row) => row[i]!)]),
  );
}

/** How near is near enough: |ours − expected| <= relative · |expected| + absolute. */
export interface Tolerance {
  relative: number;
  absolute: number;
}

/**
 * Compares what is expected, leaf by leaf, with what we make of it.
 *
 * @param ours by the leaf's path, `a.b`; an expected leaf that is neither here nor in `forInformation` is an error
 */
export function expectLeaves(
  expected: Record<string, unknown>,
  ours: (path: string) => unknown,
  tolerance: (path: string, expected: unknown) => Tolerance,
  forInformation: (path: string) => boolean = () => false,
): void {
  for (const [path, wanted] of leaves('', expected)) {
    if (forInformation(path)) continue;
    const got = ours(path);
    if (got === undefined) throw new Error(`nothing claims the expected ${path}`);
    expectValue(path, got, wanted, tolerance(path, wanted));
  }
}

/** @throws if something is expected that no code looks at */
export function requireClaimed(expected: object, claimed: readonly string[]): void {
  const others = Object.keys(expected).filter((key) => !claimed.includes(key));
  if (others.length > 0) throw new Error(`nothing claims the expected ${others.join(', ')}`);
}

/** @throws unless ours is what is expected; lists are compared entry by entry */
export function expectValue(path: string, ours: unknown, expected: unknown, tolerance: Tolerance): void {
  if (Array.isArray(expected)) {
    const entries = ours as ArrayLike<unknown>;
    if (entries.length !== expected.length)
      throw new Error(`${path} has ${entries.length} entries, not ${expected.length}`);
    expected.forEach((entry, i) => expectValue(`${path}[${i}]`, entries[i], entry, tolerance));
  } else if (!isNear(ours, expected, tolerance)) {
    throw new Error(`${path} is ${String(ours)}, not ${String(expected)}`);
  }
}

function isNear(ours: unknown, expected: unknown, { relative, absolute }: Tolerance): boolean {
  const wanted = numberOf(expected);
  if (typeof wanted !== 'number') return ours === wanted;
  // What the reference has no number for has a stated result of ours, or null, and is never NaN.
  if (Number.isNaN(wanted)) return ours === null || Number.isFinite(ours);
  if (typeof ours !== 'number') return false;
  return ours === wanted || Math.abs(ours - wanted) <= relative * Math.abs(wanted) + absolute;
}

/** JSON knows neither NaN nor infinities; the files write them as words. */
export function numberOf(value: unknown): unknown {
  if (value === 'NaN') return NaN;
  if (value === 'Infinity') return Infinity;
  return value === '-Infinity' ? -Infinity : value;
}

function leaves(path: string, value: unknown): [path: string, value: unknown][] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return [[path, value]];
  return Object.entries(value).flatMap(([key, child]) => leaves(path === '' ? key : `${path}.${key}`, child));
}

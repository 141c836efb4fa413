import { z, type core, type ZodType } from 'zod';
import { choicesWith, knownKeys, nearest } from './spelling.js';
import { choicesOf, inPlainWords } from './zod-words.js';

/** One thing that is wrong with a value: where in it, and what would be right. */
export interface Fault {
  path: PropertyKey[];
  problem: string;
  /** Of a key that is not known, the one that it was probably meant to be. */
  meant?: string | undefined;
}

interface Refused {
  /** The schema as JSON Schema. */
  shape: unknown;
  value: unknown;
  mayShow(path: readonly PropertyKey[]): boolean;
}

/**
 * Everything for which a schema refuses a value, in words for people; empty where it does not.
 * @param mayShow whether what stands at a path may be told
 */
export function faultsOf(schema: ZodType, value: unknown, mayShow: Refused['mayShow'] = () => true): Fault[] {
  const parsed = schema.safeParse(value);
  if (parsed.success) return [];
  const shape = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return parsed.error.issues.flatMap((issue) => explain(issue, { shape, value, mayShow }));
}

function explain(issue: core.$ZodIssue, refused: Refused): Fault[] {
  const { shape, value: whole, mayShow } = refused;
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(shape, issue.path, at(whole, issue.path));
    return issue.keys.map((key) => {
      const elsewhere = choicesWith(shape, issue.path, key);
      const meant = elsewhere.length > 0 ? undefined : nearest(key, known);
      const others =
        elsewhere.length > 0 ? `it belongs to ${elsewhere.join(' or ')}` : `known here: ${known.join(', ')}`;
      const right = meant === undefined ? others : `did you mean "${meant}"?`;
      return { path: [...issue.path, key], problem: `unknown key "${key}"; ${right}`, meant };
    });
  }
  if (issue.code === 'invalid_key') return issue.issues.map((inner) => ({ path: issue.path, problem: inner.message }));
  const value = at(whole, issue.path);
  const told = value !== undefined && !mayShow(issue.path) ? '' : `; ${got(value)}`;
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const types = issue.errors.map(typeWanted);
    if (issue.message === 'Invalid input' && types.every((type) => type !== undefined))
      return [{ path: issue.path, problem: `expected ${types.join(' or ')}${told}` }];
    return likeliest(issue.errors).flatMap((inner) =>
      explain({ ...inner, path: [...issue.path, ...inner.path] }, refused),
    );
  }
  return [{ path: issue.path, problem: `${inPlainWords(issue)}${told}${likely(issue, value)}` }];
}

/** Of the alternatives, the one that came nearest: with the fewest problems, the deepest of them. */
function likeliest(alternatives: readonly core.$ZodIssue[][]): readonly core.$ZodIssue[] {
  const depth = (issues: readonly core.$ZodIssue[]) =>
    Math.max(...issues.map((i) => i.path.length + (i.code === 'invalid_type' ? 0 : 0.5)));
  return [...alternatives].sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0] ?? [];
}

/** What an alternative that takes another type of value takes. */
function typeWanted(issues: readonly core.$ZodIssue[]): string | undefined {
  const [issue] = issues;
  if (issue?.code !== 'invalid_type' || issue.path.length > 0) return undefined;
  return inPlainWords(issue).replace(/^expected /, '');
}

function got(value: unknown): string {
  if (value === undefined) return 'it is missing';
  // Infinity and NaN would be null.
  return `got ${typeof value === 'number' ? String(value) : JSON.stringify(value)}`;
}

/** Of the words that may stand at a place, the one that was probably meant. */
function likely(issue: core.$ZodIssue, value: unknown): string {
  const words = choicesOf(issue).filter((choice) => typeof choice === 'string');
  const word = typeof value === 'string' ? nearest(value, words) : undefined;
  return word === undefined ? '' : `; did you mean "${word}"?`;
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (v, step) => (typeof v === 'object' && v !== null ? (v as Record<PropertyKey, unknown>)[step] : undefined),
    value,
  );
}

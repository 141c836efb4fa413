import { GyreError, type ErrorCode } from '@gyre/contracts';
import { isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseAllDocuments, visit, type Document } from 'yaml';
import type { ZodType } from 'zod';
import { faultsOf } from './explain.js';

/** One thing that is wrong in a YAML file: where, what, and what would be right. */
export interface Problem {
  file: string;
  /** 1-based. */
  line: number;
  column: number;
  /** Such as `label.delay`. */
  path: string;
  problem: string;
}

/** A document of a YAML file that knows where its parts stand. */
export class YamlDocument {
  /** @param value what the document stands for, its aliases followed */
  constructor(
    readonly file: string,
    readonly value: unknown,
    private readonly document: Document,
    private readonly lines: LineCounter,
  ) {}

  /** @throws GyreError with `code`, naming every problem with path and line */
  parse<T>(schema: ZodType<T>, code: ErrorCode): T {
    const parsed = schema.safeParse(this.value);
    if (parsed.success) return parsed.data;
    throw invalid(
      code,
      faultsOf(schema, this.value).map(({ path, problem }) => this.problem(path, problem)),
    );
  }

  /** A problem found by other means at a path of the document. */
  problem(path: readonly PropertyKey[], problem: string): Problem {
    return { file: this.file, ...this.place(path), path: written(path), problem };
  }

  private place(path: readonly PropertyKey[]): { line: number; column: number } {
    let node: unknown = this.document.contents;
    let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
    for (const step of path) {
      if (isMap(node)) {
        const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === step);
        if (pair === undefined) break;
        offset = isNode(pair.key) ? (pair.key.range?.[0] ?? offset) : offset;
        node = pair.value;
      } else {
        node =
          isNode(node) && 'get' in node
            ? (node as { get(k: unknown, keep: true): unknown }).get(step, true)
            : undefined;
        if (!isNode(node)) break;
        offset = node.range?.[0] ?? offset;
      }
    }
    const { line, col } = this.lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }
}

/**
 * The documents of a YAML file, empty ones left out.
 * @throws GyreError with `code` where it is not YAML, with line and column
 */
export function parseYaml(text: string, file: string, code: ErrorCode): YamlDocument[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (!Array.isArray(documents)) return [];
  const problems = documents.flatMap((document) =>
    document.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      const twice = error.code === 'DUPLICATE_KEY' ? repeatedKey(document, error.pos[0], lines) : undefined;
      return { file, line, column: col, ...(twice ?? { path: '', problem: error.message }) };
    }),
  );
  if (problems.length > 0) throw invalid(code, problems);
  return documents
    .filter((d) => d.contents !== null)
    .map((document) => new YamlDocument(file, valueOf(document, file, lines, code), document, lines));
}

/** What to say of a key that its mapping has already. @param offset where it stands the second time */
function repeatedKey(
  document: Document,
  offset: number,
  lines: LineCounter,
): Pick<Problem, 'path' | 'problem'> | undefined {
  let found: Pick<Problem, 'path' | 'problem'> | undefined;
  visit(document, {
    Pair: (_, { key }, parents) => {
      const map = parents.at(-1);
      if (!isScalar(key) || key.range?.[0] !== offset || !isMap(map)) return undefined;
      const first = map.items.find((item) => isScalar(item.key) && item.key.value === key.value)?.key;
      const { line } = lines.linePos((isNode(first) ? first.range?.[0] : undefined) ?? offset);
      const path = parents.flatMap((parent, i): PropertyKey[] => {
        if (isPair(parent)) return [String(parent.key)];
        return isSeq(parent) ? [parent.items.indexOf(parents[i + 1])] : [];
      });
      found = {
        path: written([...path, String(key.value)]),
        problem: `the key "${String(key.value)}" stands twice in one mapping, first in line ${line}; keep one of them`,
      };
      return visit.BREAK;
    },
  });
  return found;
}

/** @throws GyreError with `code` for aliases that stand for more than a file has reason to say, and for keys that no object can have */
function valueOf(document: Document, file: string, lines: LineCounter, code: ErrorCode): unknown {
  const problems: Problem[] = [];
  const complain = (node: unknown, problem: string): void => {
    const { line, col } = lines.linePos((isNode(node) ? node.range?.[0] : undefined) ?? 0);
    problems.push({ file, line, column: col, path: '', problem });
  };
  visit(document, {
    Pair: (_, { key }) => {
      if (isScalar(key) && key.value === '__proto__') complain(key, 'the key "__proto__" is reserved; choose another');
    },
  });
  if (problems.length > 0) throw invalid(code, problems);
  try {
    return document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (error) {
    visit(document, {
      Alias: (_, alias) => {
        complain(alias, `aliases cannot be followed: ${(error as Error).message}; write out what they stand for`);
        return visit.BREAK;
      },
    });
    if (problems.length === 0) throw error;
    throw invalid(code, problems);
  }
}
const ALIASES_MAX = 100;

export function invalid(code: ErrorCode, problems: readonly Problem[]): GyreError {
  return new GyreError(code, problems.map(problemText).join('\n'), { problems });
}

/** As compilers print it: editors jump to such places. */
export function problemText({ file, line, column, path, problem }: Problem): string {
  return `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${problem}`;
}

/** Such as `trainers[0].kind`. */
export function written(path: readonly PropertyKey[]): string {
  return path
    .map((step, i) => (typeof step === 'number' ? `[${step}]` : `${i === 0 ? '' : '.'}${String(step)}`))
    .join('');
}

/** Of the known words the one that `word` was probably meant to be, if any is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((name) => ({ name, distance: editDistance(word, name) }))
    .sort((a, b) => a.distance - b.distance);
  return best !== undefined && best.distance <= Math.max(2, word.length / 3) ? best.name : undefined;
}

/** What there is instead of what was asked for, in words: of very many the first, for a failure is no list to page through. */
export function whatThereIs(names: readonly string[]): string {
  if (names.length <= NAMES_TOLD_MAX) return `there are: ${names.join(', ')}`;
  return `there are ${names.length}: ${names.slice(0, NAMES_TOLD_MAX).join(', ')}, …`;
}

const NAMES_TOLD_MAX = 20;

/**
 * The property names that a JSON Schema knows at a path, in the alternatives that the value there has chosen, such as by its `type`.
 *
 * @param value what stands at the path
 */
export function knownKeys(schema: unknown, path: readonly PropertyKey[], value: unknown): string[] {
  const chosen = nodesAt(schema, path).filter((node) =>
    choices(node).every(([name, wanted]) => own(value, name) === wanted),
  );
  return [...new Set(chosen.flatMap((node) => Object.keys(properties(node))))];
}

/** The choices by which a key would be known at a path, as `type: multiclass`; none where no alternative has it. */
export function choicesWith(schema: unknown, path: readonly PropertyKey[], key: string): string[] {
  const having = nodesAt(schema, path).filter((node) => Object.hasOwn(properties(node), key));
  return having.flatMap((node) => choices(node).map(([name, wanted]) => `${name}: ${String(wanted)}`));
}

function nodesAt(schema: unknown, path: readonly PropertyKey[]): Node[] {
  let nodes = alternatives(schema);
  for (const step of path) nodes = nodes.flatMap((node) => alternatives(child(node, step)));
  return nodes;
}

/** The properties that may have one value only, which tells an alternative from the others. */
function choices(node: Node): [string, unknown][] {
  return Object.entries(properties(node)).flatMap(([name, property]) =>
    Object.hasOwn(property, 'const') ? [[name, property['const']] as [string, unknown]] : [],
  );
}

function properties(node: Node): Record<string, Node> {
  return (node['properties'] as Record<string, Node> | undefined) ?? {};
}

function own(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Node)[name] : undefined;
}

type Node = Record<string, unknown>;

function alternatives(schema: unknown): Node[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const node = schema as Node;
  const inner = ['anyOf', 'oneOf', 'allOf'].flatMap((key) => (node[key] as unknown[] | undefined) ?? []);
  return [node, ...inner.flatMap(alternatives)];
}

function child(node: Node, step: PropertyKey): unknown {
  if (typeof step === 'number') return node['items'];
  return (node['properties'] as Node | undefined)?.[step as string] ?? node['additionalProperties'];
}

/** Levenshtein distance, in characters. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, substituted);
    }
    row = next;
  }
  return row[b.length] as number;
}

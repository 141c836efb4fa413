/** Of the known words the one that `word` was probably meant to be, if any is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((name) => ({ name, distance: editDistance(word, name) }))
    .sort((a, b) => a.distance - b.distance);
  return best !== undefined && best.distance <= Math.max(2, word.length / 3) ? best.name : undefined;
}

/** The property names that a JSON Schema knows at a path, in any of its alternatives. */
export function knownKeys(schema: unknown, path: readonly PropertyKey[]): string[] {
  let nodes = alternatives(schema);
  for (const step of path) nodes = nodes.flatMap((node) => alternatives(child(node, step)));
  return [...new Set(nodes.flatMap((node) => Object.keys((node['properties'] as object | undefined) ?? {})))];
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

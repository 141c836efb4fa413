import type { Tree } from './trees-model.js';

/** A leaf by what a row must be like to end in it: of each feature on its path, once. */
export interface Leaf {
  readonly value: number;
  readonly features: readonly number[];
  /** lower < x <= upper, of each of the features. */
  readonly lower: readonly number[];
  readonly upper: readonly number[];
  /** Whether a missing value passes too. */
  readonly missing: readonly boolean[];
  /** Of each feature, which share of the rows that come to its splits passes them all; 1 where no covers are given. */
  readonly shares: readonly number[];
}

/**
 * @param cover how many rows came to each node, in training or of a background; a node that none came to sends half to each side
 */
export function leavesOf(tree: Tree, cover?: ArrayLike<number>): Leaf[] {
  const leaves: Leaf[] = [];
  visit(tree, cover, 0, new Map(), leaves);
  return leaves;
}

interface Condition {
  readonly lower: number;
  readonly upper: number;
  readonly missing: boolean;
  readonly share: number;
}

const ANY: Condition = { lower: -Infinity, upper: Infinity, missing: true, share: 1 };

function visit(
  tree: Tree,
  cover: ArrayLike<number> | undefined,
  node: number,
  path: ReadonlyMap<number, Condition>,
  leaves: Leaf[],
): void {
  const feature = tree.feature[node]!;
  if (feature < 0) {
    const conditions = [...path.values()];
    leaves.push({
      value: tree.value[node]!,
      features: [...path.keys()],
      lower: conditions.map(({ lower }) => lower),
      upper: conditions.map(({ upper }) => upper),
      missing: conditions.map(({ missing }) => missing),
      shares: conditions.map(({ share }) => share),
    });
    return;
  }
  const before = path.get(feature) ?? ANY;
  const threshold = tree.threshold[node]!;
  const toLeft = tree.missingLeft[node]!;
  for (const [child, isLeft] of [
    [tree.left[node]!, true],
    [tree.right[node]!, false],
  ] as const) {
    visit(
      tree,
      cover,
      child,
      new Map(path).set(feature, {
        lower: isLeft ? before.lower : Math.max(before.lower, threshold),
        upper: isLeft ? Math.min(before.upper, threshold) : before.upper,
        missing: before.missing && toLeft === isLeft,
        share: before.share * shareOf(cover, node, child),
      }),
      leaves,
    );
  }
}

function shareOf(cover: ArrayLike<number> | undefined, node: number, child: number): number {
  if (cover === undefined) return 1;
  return cover[node]! === 0 ? 0.5 : cover[child]! / cover[node]!;
}

/** Whether the leaf's d-th feature lets this value pass; NaN is missing. */
export function passes(leaf: Leaf, d: number, x: number): boolean {
  return x === x ? x > leaf.lower[d]! && x <= leaf.upper[d]! : leaf.missing[d]!;
}

/**
 * How many rows come to each node of each tree.
 *
 * @param features row-major of shape [rows, width]; NaN is missing
 */
export function coversOf(trees: readonly Tree[], features: ArrayLike<number>, rows: number, width: number): number[][] {
  return trees.map(({ feature, threshold, left, right, missingLeft }) => {
    const cover = feature.map(() => 0);
    for (let row = 0; row < rows; row++) {
      let node = 0;
      for (;;) {
        cover[node]! += 1;
        const f = feature[node]!;
        if (f < 0) break;
        const x = features[row * width + f]!;
        node = x <= threshold[node]! || (x !== x && missingLeft[node]!) ? left[node]! : right[node]!;
      }
    }
    return cover;
  });
}

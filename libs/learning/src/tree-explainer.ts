import { type Background, checkRows, type Explanation } from './explanation.js';
import { gaussLegendre } from './gauss-legendre.js';
import { coversOf, type Leaf, leavesOf, passes } from './tree-leaves.js';
import type { TreesModel } from './trees-model.js';

/** What an absent feature lets pass, of each feature of a leaf: a share of all rows, or of the background rows of one kind 0 or 1. */
interface Absence {
  readonly passes: readonly number[];
  readonly weight: number;
}

interface Game {
  readonly output: number;
  readonly leaf: Leaf;
  readonly absences: readonly Absence[];
}

/**
 * Shapley values of boosted trees, exact, on the scores before the link.
 *
 * A leaf is a game of its own: a row reaches it if every feature on its path lets it pass. With o = 1 or 0 for a feature that is present and passes or
 * not, and z for how much passes when it is absent, a coalition S is worth value · Π_S o · Π_rest z, and feature i's Shapley value is
 * value · (o_i − z_i) ∫₀¹ Π_{d≠i} (z_d (1 − t) + o_d t) dt, a polynomial that a few points integrate exactly. O(leaves · depth²) a row.
 *
 * @see S. Lundberg et al. (2020), From Local Explanations to Global Understanding with Explainable AI for Trees, Nature Machine Intelligence 2:56-67;
 * P. Yu et al. (2022), Linear TreeShap, NeurIPS, for the integral
 */
export class TreeExplainer {
  /** The score before anything is known of a row: of shape [outputs]. */
  readonly expected: Float64Array;

  private constructor(
    private readonly model: Pick<TreesModel, 'width' | 'base' | 'trees'>,
    private readonly games: readonly Game[],
  ) {
    this.expected = Float64Array.from(model.base);
    for (const { output, leaf, absences } of games) {
      for (const { passes: shares, weight } of absences) {
        this.expected[output]! += weight * leaf.value * shares.reduce((product, share) => product * share, 1);
      }
    }
  }

  /**
   * Features outside a coalition follow the rows that the tree has seen: each split sends on the shares of `covers`. Needs no background, and is the fastest.
   *
   * @param covers of each tree, how many rows came to each node; those of training rows, or {@link coversOf} others
   */
  static pathDependent(
    model: Pick<TreesModel, 'width' | 'base' | 'trees'>,
    covers: readonly ArrayLike<number>[],
  ): TreeExplainer {
    if (covers.length !== model.trees.length) {
      throw new RangeError(`${model.trees.length} trees have as many covers, got ${covers.length}`);
    }
    const games = model.trees.flatMap((tree, i) =>
      leavesOf(tree, covers[i]).map((leaf) => ({
        output: tree.output,
        leaf,
        absences: [{ passes: leaf.shares, weight: 1 }],
      })),
    );
    return new TreeExplainer(model, games);
  }

  /** Path-dependent over the shares of some background rows. @throws RangeError unless there is one of the model's width */
  static fromRows(model: Pick<TreesModel, 'width' | 'base' | 'trees'>, background: Background): TreeExplainer {
    checkRows('background', background.features, background.rows, model.width, 1);
    const { features, rows } = background;
    return TreeExplainer.pathDependent(model, coversOf(model.trees, features, rows, model.width));
  }

  /**
   * Features outside a coalition take the values of each background row in turn, whatever the others are.
   *
   * @throws RangeError unless there is a background row, of the model's width
   */
  static interventional(model: Pick<TreesModel, 'width' | 'base' | 'trees'>, background: Background): TreeExplainer {
    checkRows('background', background.features, background.rows, model.width, 1);
    const games = model.trees.flatMap((tree) =>
      leavesOf(tree).map((leaf) => ({
        output: tree.output,
        leaf,
        absences: absencesOf(leaf, background, model.width),
      })),
    );
    return new TreeExplainer(model, games);
  }

  /** @param features row-major of shape [rows, width]; NaN is missing */
  explain(features: ArrayLike<number>, rows: number): Explanation {
    const { width } = this.model;
    checkRows('explain', features, rows, width);
    const outputs = this.expected.length;
    const contributions = new Float64Array(rows * outputs * width);
    for (let row = 0; row < rows; row++) {
      for (const { output, leaf, absences } of this.games) {
        const at = (row * outputs + output) * width;
        const present = presentOf(leaf, features, row * width);
        for (const absence of absences) {
          eachPoint(leaf, present, absence, (scale, factors) => {
            for (let d = 0; d < factors.length; d++) {
              contributions[at + leaf.features[d]!]! += (scale * (present[d]! - absence.passes[d]!)) / factors[d]!;
            }
          });
        }
      }
    }
    return { expected: this.expected, contributions };
  }

  /**
   * Contributions split into what a feature does alone (the diagonal) and half of what each two do together; the rows of the matrix sum to the contributions.
   *
   * @returns float64, row-major of shape [rows, outputs, width, width]
   */
  interactions(features: ArrayLike<number>, rows: number): Float64Array {
    const { width } = this.model;
    const { contributions } = this.explain(features, rows);
    const outputs = this.expected.length;
    const matrix = new Float64Array(rows * outputs * width * width);
    for (let row = 0; row < rows; row++) {
      for (const { output, leaf, absences } of this.games) {
        const at = (row * outputs + output) * width * width;
        const present = presentOf(leaf, features, row * width);
        for (const { passes: absent, weight } of absences) {
          eachPoint(leaf, present, { passes: absent, weight }, (scale, factors) => {
            for (let d = 0; d < factors.length; d++) {
              for (let e = 0; e < factors.length; e++) {
                if (d === e) continue;
                const both = (present[d]! - absent[d]!) * (present[e]! - absent[e]!);
                matrix[at + leaf.features[d]! * width + leaf.features[e]!]! +=
                  (scale * both) / (2 * factors[d]! * factors[e]!);
              }
            }
          });
        }
      }
    }
    for (let i = 0; i < contributions.length; i++) {
      const start = i * width;
      const own = start + (i % width);
      let others = 0;
      for (let f = 0; f < width; f++) others += matrix[start + f]!;
      matrix[own] = contributions[i]! - others;
    }
    return matrix;
  }
}

/** 1 for each feature of the leaf that lets the row pass, else 0. */
function presentOf(leaf: Leaf, features: ArrayLike<number>, start: number): number[] {
  return leaf.features.map((f, d) => (passes(leaf, d, features[start + f]!) ? 1 : 0));
}

/** Background rows that pass the same of a leaf's features count together. */
function absencesOf(leaf: Leaf, { features, rows }: Background, width: number): Absence[] {
  const kinds = new Map<string, { passes: number[]; rows: number }>();
  for (let row = 0; row < rows; row++) {
    const present = presentOf(leaf, features, row * width);
    const key = present.join('');
    const kind = kinds.get(key) ?? { passes: present, rows: 0 };
    kind.rows += 1;
    kinds.set(key, kind);
  }
  return [...kinds.values()].map((kind) => ({ passes: kind.passes, weight: kind.rows / rows }));
}

/**
 * At each point of the integral: the leaf's value times the point's weight times the product of all factors, and the factors.
 */
function eachPoint(
  leaf: Leaf,
  present: readonly number[],
  absence: Absence,
  visit: (scale: number, factors: readonly number[]) => void,
): void {
  const depth = present.length;
  // A feature that passes neither way closes the leaf for every coalition.
  for (let d = 0; d < depth; d++) if (present[d] === 0 && absence.passes[d] === 0) return;
  const { nodes, weights } = gaussLegendre(Math.max(1, (depth + 1) >> 1));
  for (let q = 0; q < nodes.length; q++) {
    let scale = leaf.value * absence.weight * weights[q]!;
    const factors: number[] = [];
    for (let d = 0; d < depth; d++) {
      const factor = absence.passes[d]! * (1 - nodes[q]!) + present[d]! * nodes[q]!;
      factors.push(factor);
      scale *= factor;
    }
    visit(scale, factors);
  }
}

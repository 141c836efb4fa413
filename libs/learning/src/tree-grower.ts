import type { BinnedFeatures } from './feature-bins.js';
import { CELLS, accumulate, accumulatePair, histogramLayout, subtract } from './histogram.js';
import { improveSplit, type SplitCandidate, type SplitLimits } from './split-finder.js';
import type { Tree } from './trees-model.js';

/** The largest float32: every value is at most this, only a missing one is not. */
const FLOAT32_MAX = 3.4028234663852886e38;

export interface GrowthLimits extends SplitLimits {
  readonly maxLeaves: number;
  /** Splits between the root and a leaf; 0 for no limit. */
  readonly maxDepth: number;
}

/**
 * Grows regression trees leaf by leaf, always splitting the leaf that gains most, on histograms of binned features.
 *
 * All memory is taken once and used for every tree: a histogram per leaf (a split's larger side takes over its
 * parent's, less its sibling's), and one array of row indices in which each leaf owns a contiguous run.
 * A node that is split keeps its number, its children get the next two, so that children follow their parents.
 *
 * @see G. Ke et al. (2017), LightGBM: A Highly Efficient Gradient Boosting Decision Tree
 */
export class TreeGrower {
  private readonly layout: Int32Array;
  private readonly histograms: Float64Array[];
  private readonly spare: Int32Array;
  private readonly gathered: Float64Array;
  private readonly gatheredHessians: Float64Array;
  private readonly candidates: SplitCandidate[];
  private nodes = 0;

  /** Row indices; the rows of leaf n are order[from[n]..to[n]). */
  readonly order: Int32Array;
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** Per node: the feature it splits on, or -1 for a leaf. */
  readonly feature: Int32Array;
  readonly bin: Int32Array;
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly missingLeft: Uint8Array;
  readonly value: Float64Array;
  private readonly depth: Int32Array;
  private readonly slot: Int32Array;
  private readonly gradient: Float64Array;
  private readonly hessian: Float64Array;

  constructor(
    private readonly binned: BinnedFeatures,
    private readonly limits: GrowthLimits,
  ) {
    const { rows } = binned;
    const nodesMax = 2 * limits.maxLeaves - 1;
    this.layout = histogramLayout(binned);
    const cells = this.layout[binned.width]!;
    this.histograms = Array.from({ length: limits.maxLeaves }, () => new Float64Array(cells));
    this.spare = new Int32Array(rows);
    this.gathered = new Float64Array(rows);
    this.gatheredHessians = new Float64Array(rows);
    this.order = new Int32Array(rows);
    this.from = new Int32Array(nodesMax);
    this.to = new Int32Array(nodesMax);
    this.feature = new Int32Array(nodesMax);
    this.bin = new Int32Array(nodesMax);
    this.left = new Int32Array(nodesMax);
    this.right = new Int32Array(nodesMax);
    this.missingLeft = new Uint8Array(nodesMax);
    this.value = new Float64Array(nodesMax);
    this.depth = new Int32Array(nodesMax);
    this.slot = new Int32Array(nodesMax);
    this.gradient = new Float64Array(nodesMax);
    this.hessian = new Float64Array(nodesMax);
    this.candidates = Array.from({ length: nodesMax }, () => ({
      gain: 0,
      feature: -1,
      bin: -1,
      missingLeft: false,
      leftGradient: 0,
      leftHessian: 0,
      leftRows: 0,
    }));
  }

  /**
   * Grows one tree; it stays in this grower's arrays until the next.
   *
   * @param rowCount the rows to use are order[0..rowCount), ascending; they are reordered
   * @param gradients, hessians of shape [rows], by row
   * @param features the features to split on, ascending
   * @param learningRate by which leaf values are multiplied
   * @returns the number of nodes: 1 when no split was worth it
   */
  grow(
    rowCount: number,
    gradients: Float64Array,
    hessians: Float64Array,
    features: Int32Array,
    learningRate: number,
  ): number {
    const { maxLeaves } = this.limits;
    let gradient = 0;
    let hessian = 0;
    for (let i = 0; i < rowCount; i++) {
      const row = this.order[i]!;
      gradient += gradients[row]!;
      hessian += hessians[row]!;
    }
    this.nodes = 0;
    const root = this.addLeaf(0, rowCount, 0, gradient, hessian);
    this.slot[root] = 0;
    this.fill(root, gradients, hessians, features);
    this.findSplit(root, features);
    for (let leaves = 1; leaves < maxLeaves; leaves++) {
      const node = this.mostGainful();
      if (node < 0) break;
      this.split(node);
      // The last two leaves are never split, so nobody needs their histograms.
      if (leaves + 1 < maxLeaves) this.prepareChildren(node, leaves, gradients, hessians, features);
    }
    for (let n = 0; n < this.nodes; n++) {
      if (this.feature[n]! >= 0) continue;
      const curvature = this.hessian[n]! + this.limits.lambda;
      this.value[n] = curvature > 0 ? (-this.gradient[n]! / curvature) * learningRate : 0;
    }
    return this.nodes;
  }

  /** Adds the tree's value to the score of each row it was grown on. */
  addToScores(scores: Float64Array): void {
    for (let n = 0; n < this.nodes; n++) {
      if (this.feature[n]! >= 0) continue;
      const value = this.value[n]!;
      const end = this.to[n]!;
      for (let i = this.from[n]!; i < end; i++) scores[this.order[i]!]! += value;
    }
  }

  /** The leaf that a binned row falls into, for rows that the tree was not grown on. */
  leafOf(row: number): number {
    const { bins, rows, counts } = this.binned;
    let node = 0;
    for (let feature = this.feature[0]!; feature >= 0; feature = this.feature[node]!) {
      const bin = bins[feature * rows + row]!;
      const goesLeft = bin === counts[feature]! ? this.missingLeft[node] === 1 : bin <= this.bin[node]!;
      node = goesLeft ? this.left[node]! : this.right[node]!;
    }
    return node;
  }

  /** The tree as plain data, its bins turned back into thresholds. */
  toTree(output: number): Tree {
    const tree: Tree = { output, feature: [], threshold: [], left: [], right: [], missingLeft: [], value: [] };
    for (let n = 0; n < this.nodes; n++) {
      const feature = this.feature[n]!;
      const isLeaf = feature < 0;
      tree.feature.push(feature);
      tree.threshold.push(isLeaf ? 0 : (this.binned.thresholds[feature]![this.bin[n]!] ?? FLOAT32_MAX));
      tree.left.push(isLeaf ? -1 : this.left[n]!);
      tree.right.push(isLeaf ? -1 : this.right[n]!);
      tree.missingLeft.push(!isLeaf && this.missingLeft[n] === 1);
      tree.value.push(isLeaf ? this.value[n]! : 0);
    }
    return tree;
  }

  private addLeaf(from: number, to: number, depth: number, gradient: number, hessian: number): number {
    const node = this.nodes++;
    this.from[node] = from;
    this.to[node] = to;
    this.depth[node] = depth;
    this.gradient[node] = gradient;
    this.hessian[node] = hessian;
    this.feature[node] = -1;
    this.value[node] = 0;
    this.candidates[node]!.gain = 0;
    return node;
  }

  private mostGainful(): number {
    let best = -1;
    let gain = 0;
    for (let n = 0; n < this.nodes; n++) {
      if (this.feature[n]! >= 0) continue;
      const candidate = this.candidates[n]!;
      if (candidate.gain > gain) {
        gain = candidate.gain;
        best = n;
      }
    }
    return best;
  }

  private isSplittable(node: number): boolean {
    const { maxDepth, minLeafRows, minLeafHessian } = this.limits;
    if (maxDepth > 0 && this.depth[node]! >= maxDepth) return false;
    return this.to[node]! - this.from[node]! >= 2 * minLeafRows && this.hessian[node]! >= 2 * minLeafHessian;
  }

  private fill(node: number, gradients: Float64Array, hessians: Float64Array, features: Int32Array): void {
    const { bins, rows } = this.binned;
    const { order, gathered, gatheredHessians, layout } = this;
    const from = this.from[node]!;
    const to = this.to[node]!;
    for (let i = from; i < to; i++) {
      const row = order[i]!;
      gathered[i] = gradients[row]!;
      gatheredHessians[i] = hessians[row]!;
    }
    const histogram = this.histograms[this.slot[node]!]!;
    histogram.fill(0);
    let k = 0;
    for (; k + 1 < features.length; k += 2) {
      const a = features[k]!;
      const b = features[k + 1]!;
      accumulatePair(
        histogram,
        layout[a]!,
        layout[b]!,
        bins,
        a * rows,
        b * rows,
        order,
        from,
        to,
        gathered,
        gatheredHessians,
      );
    }
    if (k < features.length) {
      const f = features[k]!;
      accumulate(histogram, layout[f]!, bins, f * rows, order, from, to, gathered, gatheredHessians);
    }
  }

  private findSplit(node: number, features: Int32Array): void {
    const best = this.candidates[node]!;
    best.gain = 0;
    if (!this.isSplittable(node)) return;
    const histogram = this.histograms[this.slot[node]!]!;
    const { layout, limits } = this;
    const { counts } = this.binned;
    const gradient = this.gradient[node]!;
    const hessian = this.hessian[node]!;
    const rows = this.to[node]! - this.from[node]!;
    for (let k = 0; k < features.length; k++) {
      const f = features[k]!;
      improveSplit(best, histogram, layout[f]!, f, counts[f]!, gradient, hessian, rows, limits);
    }
  }

  private split(node: number): void {
    const best = this.candidates[node]!;
    const { bins, rows, counts } = this.binned;
    const { order, spare } = this;
    const column = best.feature * rows;
    const { bin } = best;
    const missingBin = counts[best.feature]!;
    const missingLeft = best.missingLeft;
    const from = this.from[node]!;
    const to = this.to[node]!;
    let lefts = from;
    let rights = 0;
    for (let i = from; i < to; i++) {
      const row = order[i]!;
      const own = bins[column + row]!;
      if (own <= bin || (missingLeft && own === missingBin)) order[lefts++] = row;
      else spare[rights++] = row;
    }
    for (let i = 0; i < rights; i++) order[lefts + i] = spare[i]!;
    const depth = this.depth[node]! + 1;
    this.feature[node] = best.feature;
    this.bin[node] = bin;
    this.missingLeft[node] = missingLeft ? 1 : 0;
    this.left[node] = this.addLeaf(from, lefts, depth, best.leftGradient, best.leftHessian);
    this.right[node] = this.addLeaf(
      lefts,
      to,
      depth,
      this.gradient[node]! - best.leftGradient,
      this.hessian[node]! - best.leftHessian,
    );
  }

  /** Histograms and best splits of a new split's children: one is counted, the other is what the parent has more. */
  private prepareChildren(
    parent: number,
    freeSlot: number,
    gradients: Float64Array,
    hessians: Float64Array,
    features: Int32Array,
  ): void {
    const left = this.left[parent]!;
    const right = this.right[parent]!;
    if (!this.isSplittable(left) && !this.isSplittable(right)) return;
    const leftIsSmall = this.to[left]! - this.from[left]! <= this.to[right]! - this.from[right]!;
    const small = leftIsSmall ? left : right;
    const large = leftIsSmall ? right : left;
    this.slot[small] = freeSlot;
    this.slot[large] = this.slot[parent]!;
    this.fill(small, gradients, hessians, features);
    if (this.isSplittable(large)) {
      const whole = this.histograms[this.slot[large]!]!;
      const part = this.histograms[freeSlot]!;
      for (let k = 0; k < features.length; k++) {
        const f = features[k]!;
        subtract(whole, part, this.layout[f]!, this.layout[f]! + (this.binned.counts[f]! + 1) * CELLS);
      }
    }
    this.findSplit(small, features);
    this.findSplit(large, features);
  }
}

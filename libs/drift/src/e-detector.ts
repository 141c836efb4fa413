import {
  isDirection,
  refusedValue,
  requireOption,
  type Direction,
  type DriftDetector,
  type Verdict,
} from './detector.js';
import { STAKES } from './stakes.js';

export interface EDetectorOptions {
  /** The dial: false alarms per value while the mean does not change, in (0, 1). */
  falseAlarms: number;
  /** Values lie in [0, max]. */
  max: number;
  /** Values from which the first baseline is taken; an integer of at least 2. */
  warmStart: number;
  /** The newest so many values, up to twice as many, are kept out of the baseline: they may lie after the change. At least 1. */
  lag: number;
  /** Standard errors by which the baseline is taken to be worse than it looks; at least 0. */
  margin: number;
  /** Parts of a season that have baselines of their own; 1 for none. The evidence goes on from one to the next. */
  phases: number;
  /** Which changes are reported. After one in the other direction it starts afresh too, so an improvement becomes the new normal. */
  direction: Direction;
}

export const eDetectorDefaults: Readonly<EDetectorOptions> = {
  falseAlarms: 1e-5,
  max: 1,
  warmStart: 30,
  lag: 50,
  margin: 0.5,
  phases: 1,
  direction: 'both',
};

/** Where the mean changed, most likely: how many values lie before and after, and their means. */
export interface MeanChange {
  countBefore: number;
  meanBefore: number;
  countAfter: number;
  meanAfter: number;
}

/** Values that the level of a phase is drawn to that of all by. */
const LEVEL_PRIOR = 5;

interface Sum {
  n: number;
  sum: number;
  squares: number;
}

/** One part of the season, with its baseline as it is bet against from either side, of a value in [0, 1]. */
interface Phase {
  baseline: Sum;
  held: Sum | null;
  pending: Sum;
  high: number;
  low: number;
}

export interface EDetectorState {
  /** Values since the last start. */
  n: number;
  /** True from a detection until the next update, which starts afresh. */
  restarts: boolean;
  /** By phase: what the baseline rests on, the block of values that will join it next, and the one that is being filled. */
  phases: { baseline: Sum; held: Sum | null; pending: Sum }[];
  /** By alternative: [evidence, the same weighted by the values since the change, and by their sum]. */
  up: number[][];
  down: number[][];
  change: MeanChange | null;
}

/** A baseline this close to 0 or to the maximum leaves nothing to bet on. */
const EDGE = 1e-4;

/**
 * E-detector: finds a change of the mean of bounded values with a stated rate of false alarms, O(1) a value and with no assumption about how the
 * values are distributed within [0, max]. For 0/1 errors each bet is the likelihood ratio of a larger rate, so nothing but knowing the new
 * rate beforehand is faster.
 *
 * Against a baseline m, 1 + s(x/m − 1) has an expectation of at most 1 while the mean is at most m, for every stake s in (0, 1). Their product
 * from a row on is the evidence for a change there; the Shiryaev-Roberts sum over all rows, M ← (M + 1)·(1 + s(x/m − 1)), averaged over the
 * stakes, is an e-detector: reported at 1/falseAlarms, the mean time to a false alarm is at least 1/falseAlarms, at any distribution with a mean of at
 * most m. Falls are found by the same bets on what a value lacks of the maximum. In the direction `both` the mean of the two is reported, an e-detector
 * as well: the sides share one dial.
 *
 * No formula covers that m is not known but learned from the stream's own past. It is therefore taken as worse by `margin` standard errors, and this
 * margin is chosen by simulation: at 0.5, streams of 20,000 values with a constant rate of 0.02, 0.2 or 0.5 had 0.5 to 0.7 times the
 * alarms of the dial (at 0, 1.0 to 1.2 times).
 *
 * @throws RangeError if a value is not in [0, max]; the state stays as it was.
 * @see J. Shin, A. Ramdas, A. Rinaldo (2024), E-detectors: a nonparametric framework for sequential change detection, NEJSDS 2:229-260.
 * @see I. Waudby-Smith, A. Ramdas (2024), Estimating means of bounded random variables by betting, JRSS B 86:1-27: the bets.
 */
export class EDetector implements DriftDetector<EDetectorState> {
  private readonly options: EDetectorOptions;
  private threshold: number;
  private margin: number;
  private n = 0;
  private restarts = false;
  private phases: Phase[];
  private readonly up = new Evidence();
  private readonly down = new Evidence();
  private found: MeanChange | null = null;
  constructor(options: Partial<EDetectorOptions> = {}) {
    this.options = { ...eDetectorDefaults, ...options };
    const { max, warmStart, lag, margin, phases, direction, falseAlarms } = this.options;
    requireOption(max > 0 && max < Infinity, 'e-detector: max is above 0', max);
    requireOption(Number.isInteger(warmStart) && warmStart >= 2, 'e-detector: warmStart is an integer >= 2', warmStart);
    requireOption(Number.isInteger(lag) && lag >= 1, 'e-detector: lag is an integer >= 1', lag);
    requireOption(margin >= 0 && margin < Infinity, 'e-detector: margin is at least 0', margin);
    requireOption(Number.isInteger(phases) && phases >= 1, 'e-detector: phases is an integer >= 1', phases);
    requireOption(isDirection(direction), 'e-detector: direction is both, up or down', direction);
    this.threshold = thresholdOf(falseAlarms);
    this.margin = margin;
    this.phases = this.noPhases();
  }

  /**
   * Turns the dial, for a rate that is stated in time while the traffic changes, and sets the margin, for one that was found by simulation. Neither is part of the state.
   *
   * @throws RangeError unless the dial is in (0, 1) and the margin at least 0
   */
  tune(falseAlarms: number, margin = this.margin): void {
    requireOption(margin >= 0 && margin < Infinity, 'e-detector: margin is at least 0', margin);
    this.threshold = thresholdOf(falseAlarms);
    this.margin = margin;
    for (const phase of this.phases) if (phase.baseline.n > 0) this.aim(phase);
  }

  /** @param phase of the season, from 0 on */
  update(value: number, phase = 0): Verdict {
    this.require(value, phase);
    if (this.restarts) this.start();
    const x = (value + 0) / this.options.max;
    const here = this.phases[phase]!;
    let verdict: Verdict = 'stable';
    if (here.baseline.n >= this.options.warmStart) verdict = this.test(x, here);
    this.take(x, here);
    return verdict;
  }

  /** Takes a value into the baseline without a test: for what is known of the mean before the watch begins. @throws RangeError as `update` */
  learn(value: number, phase = 0): void {
    this.require(value, phase);
    if (this.restarts) this.start();
    this.take((value + 0) / this.options.max, this.phases[phase]!);
  }

  /** The mean of the baseline, in the values' unit; null before the warm start. */
  mean(): number | null {
    const n = this.phases.reduce((all, { baseline }) => all + baseline.n, 0);
    const sum = this.phases.reduce((all, { baseline }) => all + baseline.sum, 0);
    return n < this.options.warmStart ? null : (sum / n) * this.options.max;
  }

  /** The mean of all values of each phase since the last start, drawn by a few to that of all; null before the warm start. */
  levels(): number[] | null {
    const all = this.mean();
    if (all === null) return null;
    const { max } = this.options;
    return this.phases.map(({ baseline, held, pending }) => {
      const n = baseline.n + (held?.n ?? 0) + pending.n;
      const sum = (baseline.sum + (held?.sum ?? 0) + pending.sum) * max;
      return (sum + LEVEL_PRIOR * all) / (n + LEVEL_PRIOR);
    });
  }

  /** The change that the last detection found, in the values' unit; null before the first. */
  change(): MeanChange | null {
    return this.found === null ? null : { ...this.found };
  }

  private require(value: number, phase: number): void {
    if (this.phases[phase] === undefined)
      throw new RangeError(`the e-detector has phases 0 to ${this.phases.length - 1}, got ${phase}`);
    if (!Number.isFinite(value)) throw refusedValue('The e-detector', value);
    if (value < 0 || value > this.options.max)
      throw new RangeError(`the e-detector takes values in [0, ${this.options.max}], got ${value}`);
  }

  private test(x: number, { high, low }: Phase): Verdict {
    const { direction } = this.options;
    const rise = this.up.add(x / high - 1, x);
    const fall = this.down.add((1 - x) / (1 - low) - 1, x);
    // The mean of two e-detectors is one as well; each by itself at the threshold would spend the dial twice.
    const evidence = direction === 'both' ? (rise + fall) / 2 : Math.max(rise, fall);
    if (evidence < this.threshold) return 'stable';
    const side = (direction === 'both' ? rise >= fall : rise >= this.threshold) ? 'up' : 'down';
    this.restarts = true;
    if (direction !== 'both' && direction !== side) return 'stable';
    this.found = this.where(side === 'up' ? this.up : this.down, x);
    return 'drift';
  }

  private where(evidence: Evidence, x: number): MeanChange {
    const { max } = this.options;
    const { length, mean } = evidence.since();
    const total = this.phases.reduce(
      (sum, { baseline, held, pending }) => sum + baseline.sum + (held?.sum ?? 0) + pending.sum,
      x,
    );
    const countAfter = Math.min(this.n, Math.max(1, Math.round(length)));
    const countBefore = this.n + 1 - countAfter;
    const before = Math.min(1, Math.max(0, (total - mean * countAfter) / countBefore));
    return { countBefore, meanBefore: before * max, countAfter, meanAfter: mean * max };
  }

  private take(x: number, phase: Phase): void {
    this.n += 1;
    const { pending } = phase;
    pending.n += 1;
    pending.sum += x;
    pending.squares += x * x;
    if (pending.n < this.options.lag) return;
    const { held, baseline } = phase;
    if (held !== null) {
      baseline.n += held.n;
      baseline.sum += held.sum;
      baseline.squares += held.squares;
      this.aim(phase);
    }
    phase.held = pending;
    phase.pending = nothing();
  }

  /** Where the baseline is bet against: worse by the margin than it looks. Half an observation at either end keeps a constant past in doubt. */
  private aim(phase: Phase): void {
    const { n, sum, squares } = phase.baseline;
    const mean = sum / n;
    const variance = Math.max(0, squares / n - mean * mean) + 0.25 / n;
    const margin = this.margin * Math.sqrt(variance / n);
    phase.high = Math.min(1 - EDGE, Math.max(EDGE, (sum + 0.5) / (n + 1) + margin));
    phase.low = Math.min(1 - EDGE, Math.max(EDGE, (sum + 0.5) / (n + 1) - margin));
  }

  private noPhases(): Phase[] {
    return Array.from({ length: this.options.phases }, () => {
      return { baseline: nothing(), held: null, pending: nothing(), high: 0, low: 0 };
    });
  }

  private start(): void {
    this.n = 0;
    this.restarts = false;
    this.phases = this.noPhases();
    this.up.clear();
    this.down.clear();
    this.found = null;
  }

  state(): EDetectorState {
    const { n, restarts } = this;
    return {
      n,
      restarts,
      phases: this.phases.map(({ baseline, held, pending }) => copyOf({ baseline, held, pending })),
      up: this.up.state(),
      down: this.down.state(),
      change: this.change(),
    };
  }

  restore(state: EDetectorState): void {
    for (const side of [state.up, state.down]) {
      const fits = side.length === STAKES.length && side.every((one) => one.length === 3);
      requireOption(fits, `e-detector: a state has ${STAKES.length} alternatives of 3 numbers`, side.length);
    }
    const { phases } = this.options;
    requireOption(state.phases.length === phases, `e-detector: a state has ${phases} phases`, state.phases.length);
    this.n = state.n;
    this.restarts = state.restarts;
    this.phases = state.phases.map((saved) => ({ ...copyOf(saved), high: 0, low: 0 }));
    for (const phase of this.phases) if (phase.baseline.n > 0) this.aim(phase);
    this.up.restore(state.up);
    this.down.restore(state.down);
    this.found = state.change === null ? null : { ...state.change };
  }
}

/**
 * The Shiryaev-Roberts sums of one side. Their terms are, but for a factor, the probabilities of each row to be the first after the
 * change; so the same recursion, weighted, gives the expected number of values since and their sum.
 */
class Evidence {
  private readonly sums = new Float64Array(STAKES.length);
  private readonly counts = new Float64Array(STAKES.length);
  private readonly totals = new Float64Array(STAKES.length);

  /** @param gain of a whole stake on this value @param x the value @returns the average over the stakes */
  add(gain: number, x: number): number {
    const { sums, counts, totals } = this;
    let all = 0;
    for (let i = 0; i < STAKES.length; i++) {
      const factor = 1 + STAKES[i]! * gain;
      const begun = sums[i]! + 1;
      counts[i] = (counts[i]! + begun) * factor;
      totals[i] = (totals[i]! + x * begun) * factor;
      const sum = begun * factor;
      sums[i] = sum;
      all += sum;
    }
    return all / STAKES.length;
  }

  /** How many values lie after the change, and their mean, as the stakes that found it expect them. */
  since(): { length: number; mean: number } {
    const sum = (of: Float64Array) => of.reduce((all, one) => all + one, 0);
    return { length: sum(this.counts) / sum(this.sums), mean: Math.min(1, sum(this.totals) / sum(this.counts)) };
  }

  clear(): void {
    for (const one of [this.sums, this.counts, this.totals]) one.fill(0);
  }

  state(): number[][] {
    return STAKES.map((_, i) => [this.sums[i]!, this.counts[i]!, this.totals[i]!]);
  }

  restore(state: number[][]): void {
    state.forEach(([sum, count, total], i) => {
      this.sums[i] = sum!;
      this.counts[i] = count!;
      this.totals[i] = total!;
    });
  }
}

function thresholdOf(falseAlarms: number): number {
  requireOption(falseAlarms > 0 && falseAlarms < 1, 'e-detector: falseAlarms lies in (0, 1)', falseAlarms);
  return 1 / falseAlarms;
}

function nothing(): Sum {
  return { n: 0, sum: 0, squares: 0 };
}

function copyOf({ baseline, held, pending }: EDetectorState['phases'][number]): EDetectorState['phases'][number] {
  return { baseline: { ...baseline }, held: held === null ? null : { ...held }, pending: { ...pending } };
}

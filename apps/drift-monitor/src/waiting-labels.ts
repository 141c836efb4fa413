import type { Platform } from '@gyre/platform';
import type { Joining } from './join.js';

export interface Waiting {
  /** Predictions whose label has not come. */
  waiting: number;
  /** Labels whose prediction has not come: that name the model, and that name none. */
  early: number;
  earlyUnnamed: number;
}

interface Counted {
  at: number;
  tookMs: number;
  models: Map<string, Pick<Waiting, 'waiting' | 'early'>>;
  earlyUnnamed: number;
}

/** What was counted holds for so many times as long as counting took: so no more than a twentieth of the time goes into it, however many ask. */
const HOLDS_TIMES = 20;
/** What is counted as fast as this is counted anew for whoever asks. */
const FAST_MS = 50;

/**
 * How many labels and predictions wait for one another. The states of the join know, one for each prediction within twice the label horizon, and have to be read
 * for it; so those of all models are counted at once, and for all who ask meanwhile.
 */
export class WaitingLabels {
  private newest: Counted | null = null;
  private underWay: Promise<Counted> | null = null;

  /** @param clock ms */
  constructor(
    private readonly platform: Pick<Platform, 'scan'>,
    private readonly clock: () => number,
  ) {}

  async of(model: string): Promise<Waiting> {
    const { models, earlyUnnamed } = this.held() ?? (await this.counted());
    return { ...(models.get(model) ?? { waiting: 0, early: 0 }), earlyUnnamed };
  }

  private held(): Counted | null {
    if (this.newest === null || this.newest.tookMs < FAST_MS) return null;
    return this.clock() - this.newest.at < HOLDS_TIMES * this.newest.tookMs ? this.newest : null;
  }

  private counted(): Promise<Counted> {
    this.underWay ??= this.count().finally(() => (this.underWay = null));
    return this.underWay;
  }

  private async count(): Promise<Counted> {
    const begun = this.clock();
    const models: Counted['models'] = new Map();
    const of = (model: string) => {
      const known = models.get(model) ?? { waiting: 0, early: 0 };
      models.set(model, known);
      return known;
    };
    let earlyUnnamed = 0;
    for await (const { state } of this.platform.scan<Joining>({ name: 'drift-monitor.join' })) {
      if (state.is === 'waiting') of(state.predicted.model).waiting += 1;
      if (state.is !== 'early') continue;
      for (const { label } of state.labels) {
        if (label.model === null) earlyUnnamed += 1;
        else of(label.model).early += 1;
      }
    }
    const at = this.clock();
    this.newest = { at, tookMs: at - begun, models, earlyUnnamed };
    return this.newest;
  }
}

import { inTime } from '@gyre/platform';
import type { Gauge } from 'prom-client';
import type { Logger } from './logger.js';

/** Well below what a scrape may take. */
const WAIT_MS = 2_000;

/** Fills a gauge at each scrape. What is asked of a server may fail, or not come: then the gauge is left out, and the scrape has the other figures. */
export class GaugeReader<L extends string> {
  private underWay: Promise<void> | undefined;
  private isLate = false;
  private isMissing = false;

  constructor(
    private readonly name: string,
    private readonly fill: (gauge: Gauge<L>) => void | Promise<void>,
    private readonly log: Pick<Logger, 'warn'> | undefined,
  ) {}

  async read(gauge: Gauge<L>): Promise<void> {
    // Asked again beside itself it would not come sooner, and every scrape would leave one more.
    if (this.isLate) return;
    const late = () => {
      this.isLate = true;
      return new Error(`no answer within ${WAIT_MS} ms`);
    };
    try {
      await inTime((this.underWay ??= this.begin(gauge)), WAIT_MS, late);
      this.isMissing = false;
    } catch (error) {
      // No figure rather than one of before.
      gauge.reset();
      if (!this.isMissing)
        this.log?.warn('a metric cannot be read and is left out until it can', {
          metric: this.name,
          error: (error as Error).message,
        });
      this.isMissing = true;
    }
  }

  private async begin(gauge: Gauge<L>): Promise<void> {
    try {
      await this.fill(gauge);
    } finally {
      this.underWay = undefined;
      this.isLate = false;
    }
  }
}

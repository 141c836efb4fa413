import { Worker } from 'node:worker_threads';
import type { Logger } from '@gyre/hosting';
import type { AppenderRecipe, Platform } from '@gyre/platform';
import type { OwnedLog } from './log-directory.js';
import { LogShipper, type ShippedLog, type Tell } from './log-shipper.js';
import type { ShippingThreadData, ShippingThreadMessage } from './log-shipping-thread.js';
import type { LogSignals } from './log-signals.js';

interface LogShippingOptions {
  platform: Pick<Platform, 'appendAs' | 'appenderRecipe'>;
  log: Logger;
  own: ShippedLog;
  orphans: readonly OwnedLog[];
  liveFrom: number;
  gatherMs: number;
  signals: LogSignals;
}

const START_AGAIN_MS = 1_000;
const END_WITHIN_MS = 2_000;

/**
 * Keeps the shipping going: on a thread, which is started again if it should die; on this one, where the platform lives in this thread's
 * memory alone.
 */
export class LogShipping {
  private readonly orphans: Set<OwnedLog>;
  private ended: Promise<unknown>;
  private again: NodeJS.Timeout | undefined;
  private worker: Worker | undefined;

  constructor(private readonly options: LogShippingOptions) {
    this.orphans = new Set(options.orphans);
    const recipe = options.platform.appenderRecipe();
    this.ended = recipe === null ? this.ship() : this.start(recipe);
  }

  /** Resolves when it is at no work any more. */
  async end(): Promise<void> {
    this.options.signals.end();
    clearTimeout(this.again);
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, END_WITHIN_MS)));
    await Promise.race([this.ended, patience]);
    clearTimeout(timer);
    await this.worker?.terminate();
    for (const orphan of this.orphans) orphan.release();
    this.orphans.clear();
  }

  private start(recipe: AppenderRecipe): Promise<unknown> {
    const { own, liveFrom, gatherMs, signals, log } = this.options;
    const workerData: ShippingThreadData = {
      recipe,
      own: { directory: own.directory, instance: own.instance },
      orphans: [...this.orphans].map(({ directory, instance }) => ({ directory, instance })),
      liveFrom,
      gatherMs,
      memory: signals.memory,
    };
    const worker = new Worker(new URL('./log-shipping-thread.js', import.meta.url), { workerData });
    this.worker = worker;
    worker.on('message', (message: ShippingThreadMessage) => {
      if ('told' in message) this.tell(...message.told);
      else this.drained(message.drained);
    });
    worker.on('error', (error) =>
      log.error('the thread that ships predictions failed', { error: (error as Error).message }),
    );
    return new Promise<void>((resolve) =>
      worker.once('exit', () => {
        resolve();
        if (signals.ended) return;
        this.again = setTimeout(() => (this.ended = this.start(recipe)), START_AGAIN_MS);
      }),
    );
  }

  private async ship(): Promise<void> {
    const { platform, own, liveFrom, gatherMs, signals } = this.options;
    const tell: Tell = (...told) => this.tell(...told);
    const drain = async (orphan: OwnedLog): Promise<void> => {
      const shipper = new LogShipper(orphan, Infinity, platform, tell);
      await shipper.drain(signals);
      shipper.close();
      if (!signals.ended) this.drained(orphan.instance);
    };
    const shipper = new LogShipper(own, liveFrom, platform, tell);
    await Promise.all([shipper.run(signals, gatherMs).then(() => shipper.close()), ...[...this.orphans].map(drain)]);
  }

  private drained(instance: string): void {
    this.tell('info', 'the log of a dead gateway was shipped', { instance });
    for (const orphan of this.orphans) {
      if (orphan.instance !== instance) continue;
      this.orphans.delete(orphan);
      orphan.release();
    }
  }

  private tell(...[level, message, fields]: Parameters<Tell>): void {
    this.options.log[level](message, fields);
  }
}

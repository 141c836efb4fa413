import { topics, type PerformanceMeasured } from '@gyre/contracts';
import type { Platform } from '@gyre/platform';

/** The newest windows of performance of every model, in memory. */
export class PerformanceHistory {
  private readonly windows = new Map<string, PerformanceMeasured[]>();

  constructor(
    platform: Platform,
    private readonly windowsMax: number,
  ) {
    platform.follow('drift-monitor.performance', topics.performance, ({ event }) => this.add(event));
  }

  private add(measured: PerformanceMeasured): void {
    const windows = this.windows.get(measured.model) ?? [];
    windows.push(measured);
    if (windows.length > this.windowsMax) windows.shift();
    this.windows.set(measured.model, windows);
  }

  /** Oldest first. */
  of(model: string): PerformanceMeasured[] {
    return [...(this.windows.get(model) ?? [])];
  }
}

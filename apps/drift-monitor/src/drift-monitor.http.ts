import { Controller, Get, Inject, Param } from '@nestjs/common';
import type { LabelCounts, Performance } from '@gyre/contracts';
import { Catalog, Needs } from '@gyre/hosting';
import { Platform } from '@gyre/platform';
import { detect } from './detect.js';
import { PerformanceHistory } from './performance-history.js';
import { WaitingLabels } from './waiting-labels.js';
import type { WatchState } from './watch.js';

@Controller('v1/models/:model')
export class DriftMonitorController {
  constructor(
    @Inject(Platform) private readonly platform: Platform,
    @Inject(Catalog) private readonly catalog: Catalog,
    @Inject(PerformanceHistory) private readonly history: PerformanceHistory,
    @Inject(WaitingLabels) private readonly waiting: WaitingLabels,
  ) {}

  @Needs('viewer')
  @Get('performance')
  async performance(@Param('model') model: string): Promise<Performance> {
    const isRegression = this.catalog.requireModel(model).label.type === 'regression';
    const { labels } = await this.watched(model);
    return {
      model,
      metric: isRegression ? 'mae' : 'accuracy',
      higherIsBetter: !isRegression,
      windows: this.history.of(model),
      labels,
    };
  }

  @Needs('viewer')
  @Get('labels')
  async labels(@Param('model') model: string): Promise<LabelCounts> {
    this.catalog.requireModel(model);
    const { counts } = await this.watched(model);
    const due = counts.joined + counts.expired;
    return { model, counts, ...(await this.waiting.of(model)), coverage: due === 0 ? null : counts.joined / due };
  }

  private async watched(model: string): Promise<Pick<WatchState, 'labels' | 'counts'>> {
    const state = (await this.platform.states<WatchState>(detect, [model])).get(model);
    return state ?? { labels: 0, counts: { joined: 0, corrected: 0, late: 0, repeated: 0, expired: 0 } };
  }
}

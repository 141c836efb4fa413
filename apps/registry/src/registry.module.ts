import { Module } from '@nestjs/common';
import { Catalog, Metrics } from '@gyre/hosting';
import { Platform } from '@gyre/platform';
import { keep } from './keep.js';
import type { ModelRecord } from './model-record.js';
import { RegistryController } from './registry.http.js';
import { TimelinePages } from './timeline-pages.js';

@Module({
  controllers: [RegistryController],
  providers: [
    {
      provide: TimelinePages,
      inject: [Platform],
      useFactory: (platform: Platform) => new TimelinePages(platform),
    },
    {
      provide: 'registry',
      inject: [Platform, Catalog, Metrics],
      useFactory: (platform: Platform, catalog: Catalog, metrics: Metrics) => {
        metrics.gauge(
          'gyre_model_champion_version',
          'The version that serves; 0 is the fallback',
          ['model'],
          async (gauge) => {
            const names = catalog.allModels().map(({ name }) => name);
            const records = await platform.states<ModelRecord>(keep, names);
            for (const [model, { champion }] of records) gauge.set({ model }, champion ?? 0);
          },
        );
        return platform.run(keep);
      },
    },
  ],
})
export class RegistryModule {}

import { Module } from '@nestjs/common';
import { Catalog, Config, Metrics } from '@gyre/hosting';
import { Platform } from '@gyre/platform';
import { detect } from './detect.js';
import { DriftMonitorConfig } from './drift-monitor.config.js';
import { DriftMonitorController } from './drift-monitor.http.js';
import { inputs } from './inputs.js';
import { join } from './join.js';
import { KnownVersions } from './known-versions.js';
import { measureOutcomes } from './outcome-metrics.js';
import { PerformanceHistory } from './performance-history.js';

@Module({
  controllers: [DriftMonitorController],
  providers: [
    {
      provide: 'drift-monitor',
      inject: [Platform, Config, Catalog],
      useFactory: async (platform: Platform, config: Config, catalog: Catalog) => {
        const { unknownHorizonHours } = config.read('drift-monitor', DriftMonitorConfig);
        const model = (name: string) => catalog.model(name);
        const known = new KnownVersions();
        await known.open(platform);
        return [
          platform.run(join({ model, unknownHorizonMs: unknownHorizonHours * 3_600_000 })),
          platform.run(
            inputs({
              model,
              reference: (name, version) => known.reference(name, version),
              isForgotten: (name, version) => known.isForgotten(name, version),
            }),
          ),
          platform.run(detect),
        ];
      },
    },
    {
      provide: PerformanceHistory,
      inject: [Platform, Config, Catalog, Metrics],
      useFactory: (platform: Platform, config: Config, catalog: Catalog, metrics: Metrics) => {
        const history = new PerformanceHistory(platform, config.read('drift-monitor', DriftMonitorConfig).windowsMax);
        measureOutcomes({ platform, catalog, history, metrics });
        return history;
      },
    },
  ],
})
export class DriftMonitorModule {}

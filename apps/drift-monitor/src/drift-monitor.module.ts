import { Module } from '@nestjs/common';
import { Catalog, Config, Metrics } from '@gyre/hosting';
import { Platform } from '@gyre/platform';
import { alertmanager, webhook } from './alert-targets.js';
import { alertsJob } from './alerts.job.js';
import { detect } from './detect.js';
import { DriftMonitorConfig } from './drift-monitor.config.js';
import { DriftMonitorController } from './drift-monitor.http.js';
import { inputs } from './inputs.js';
import { join } from './join.js';
import { KnownVersions } from './known-versions.js';
import { measureOutcomes } from './outcome-metrics.js';
import { PerformanceHistory } from './performance-history.js';
import { WaitingLabels } from './waiting-labels.js';

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
          platform.run(inputs({ model, training: (name, version) => known.training(name, version) })),
          platform.run(detect),
        ];
      },
    },
    {
      provide: 'drift-monitor.alerts',
      inject: [Platform, Config, Metrics],
      useFactory: (platform: Platform, config: Config, metrics: Metrics) => {
        const { alertWebhookUrl, alertmanagerUrl, alertLinkUrl, alertAgeHoursMax } = config.read(
          'drift-monitor',
          DriftMonitorConfig,
        );
        const clock = () => Date.now();
        const targets = [
          ...(alertWebhookUrl === null ? [] : [webhook(alertWebhookUrl, alertLinkUrl)]),
          ...(alertmanagerUrl === null ? [] : [alertmanager(alertmanagerUrl, alertLinkUrl, clock)]),
        ];
        const sent = metrics.counter('gyre_alerts_sent_total', 'What targets were told of incidents', [
          'model',
          'target',
        ]);
        const onSent = (target: string, { model }: { model: string }) => sent.inc({ model, target });
        const ageMsMax = alertAgeHoursMax * 3_600_000;
        return targets.map((target) => platform.work(alertsJob({ target, ageMsMax, clock, onSent })));
      },
    },
    {
      provide: WaitingLabels,
      inject: [Platform],
      useFactory: (platform: Platform) => new WaitingLabels(platform, () => Date.now()),
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

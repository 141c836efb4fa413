import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { OnlineFeatures } from '@gyre/contracts';
import { Config, Logger, Metrics, Peers, Readiness } from '@gyre/hosting';
import { ModelWorker } from '@gyre/model-runtime';
import { Platform } from '@gyre/platform';
import { Admission } from './admission.js';
import { GatewayConfig } from './gateway.config.js';
import { GatewayGrpc } from './gateway.grpc.js';
import { GatewayHttp } from './gateway.http.js';
import { GatewayMetrics } from './gateway.metrics.js';
import { Inference } from './infer.js';
import { PredictionLog } from './prediction-log.js';
import { RemoteFeatures } from './remote-features.js';
import { ServingTable } from './serving.js';

const SETTINGS = 'gateway.settings';
/** The feature store: in this process, in another, or none. */
const FEATURES = 'gateway.features';

@Module({
  controllers: [GatewayGrpc, GatewayHttp],
  providers: [
    { provide: SETTINGS, inject: [Config], useFactory: (config: Config) => config.read('gateway', GatewayConfig) },
    {
      provide: GatewayMetrics,
      inject: [Metrics, Logger],
      useFactory: (metrics: Metrics, log: Logger) => new GatewayMetrics(metrics, log),
    },
    {
      provide: ModelWorker,
      inject: [SETTINGS],
      useFactory: ({ loopRunMicrosMax }: GatewayConfig) => new ModelWorker({ loopMicrosMax: loopRunMicrosMax }),
    },
    {
      provide: ServingTable,
      inject: [ModelWorker, Platform, Logger, GatewayMetrics, Readiness],
      useFactory: async (
        models: ModelWorker,
        platform: Platform,
        log: Logger,
        metrics: GatewayMetrics,
        readiness: Readiness,
      ) => {
        const notLoaded = (model: string): void => metrics.notLoaded(model);
        const table = new ServingTable({ platform, log, load: (onnx) => models.load(onnx), notLoaded });
        readiness.require('gateway', () => table.missing());
        await table.open();
        return table;
      },
    },
    {
      provide: PredictionLog,
      inject: [SETTINGS, Platform, Logger, GatewayMetrics, Readiness],
      useFactory: (
        settings: GatewayConfig,
        platform: Platform,
        log: Logger,
        metrics: GatewayMetrics,
        readiness: Readiness,
      ) => {
        const { logDir, logBytesMax, logSegmentBytes, logOnFull, logFsync } = settings;
        const predictions = PredictionLog.open({
          directory: logDir,
          maxBytes: logBytesMax,
          segmentBytes: logSegmentBytes,
          onFull: logOnFull,
          fsync: logFsync,
          platform,
          log,
        });
        metrics.watch(predictions);
        readiness.require('prediction log', () => (logOnFull === 'shed' ? predictions.full() : null));
        readiness.settlesAfter(() => predictions.shipped());
        return predictions;
      },
    },
    {
      provide: FEATURES,
      inject: [SETTINGS, Peers, { token: OnlineFeatures, optional: true }],
      useFactory: ({ featuresDeadlineMs }: GatewayConfig, peers: Peers, here: OnlineFeatures | undefined) => {
        if (here !== undefined) return here;
        const address = peers.grpcAddress('feature-store');
        return address === undefined ? null : new RemoteFeatures(address, peers.token, featuresDeadlineMs);
      },
    },
    {
      provide: Admission,
      inject: [SETTINGS, GatewayMetrics],
      useFactory: (settings: GatewayConfig, metrics: GatewayMetrics) => {
        const { concurrencyMax: max, concurrencyMin: min, queueDelayTargetMs: delayTargetMs } = settings;
        const rate = { perSecond: settings.ratePerSecond, burst: settings.rateBurst, ofClients: settings.rates };
        const admission = new Admission({ rate, concurrency: { max, min, delayTargetMs } });
        metrics.watchAdmission(admission);
        return admission;
      },
    },
    {
      provide: Inference,
      inject: [SETTINGS, ServingTable, PredictionLog, GatewayMetrics, Admission, FEATURES],
      useFactory: (
        settings: GatewayConfig,
        table: ServingTable,
        log: PredictionLog,
        metrics: GatewayMetrics,
        admission: Admission,
        features: OnlineFeatures | null,
      ) => {
        const { requestRowsMax: rowsMax, ...limits } = settings;
        return new Inference({
          table,
          log,
          metrics,
          admission,
          features,
          limits: { ...limits, rowsMax },
          now: Date.now,
        });
      },
    },
  ],
})
export class GatewayModule implements OnApplicationShutdown {
  constructor(
    @Inject(PredictionLog) private readonly predictions: PredictionLog,
    @Inject(ServingTable) private readonly table: ServingTable,
    @Inject(Inference) private readonly inference: Inference,
    @Inject(FEATURES) private readonly features: OnlineFeatures | null,
    @Inject(ModelWorker) private readonly models: ModelWorker,
  ) {}

  /** The servers take no calls any more, the platform still runs. */
  async onApplicationShutdown(): Promise<void> {
    this.inference.countShed();
    await this.predictions.close();
    await this.table.close();
    if (this.features instanceof RemoteFeatures) this.features.close();
    await this.models.close();
  }
}

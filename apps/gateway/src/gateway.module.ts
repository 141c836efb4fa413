import { join } from 'node:path';
import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { OnlineFeatures, PastPredictions } from '@gyre/contracts';
import { Config, Logger, Metrics, Peers, Readiness } from '@gyre/hosting';
import { ModelWorker } from '@gyre/model-runtime';
import { Platform } from '@gyre/platform';
import { Admission } from './admission.js';
import { Explanations } from './explain.js';
import { ExplainGrpc } from './explain.grpc.js';
import { ExplainHttp } from './explain.http.js';
import { ExplainThread } from './explain-thread.js';
import { GatewayConfig } from './gateway.config.js';
import { GatewayGrpc } from './gateway.grpc.js';
import { GatewayHttp, GatewayPairsHttp } from './gateway.http.js';
import { GatewayMetrics } from './gateway.metrics.js';
import { Inference } from './infer.js';
import { LastKnown } from './last-known.js';
import { PredictionLog } from './prediction-log.js';
import { RemoteFeatures } from './remote-features.js';
import { ServingTable } from './serving.js';

const SETTINGS = 'gateway.settings';
/** The feature store: in this process, in another, or none. */
const FEATURES = 'gateway.features';

/** Whether a gateway with these settings has served before, and so can start while the platform is away. */
export function gatewayKnowsEnough(config: Config): boolean {
  return LastKnown.isIn(lastKnownDir(config.read('gateway', GatewayConfig).logDir));
}

function lastKnownDir(logDir: string): string {
  return join(logDir, 'last-known');
}

@Module({
  controllers: [GatewayGrpc, GatewayHttp, GatewayPairsHttp, ExplainGrpc, ExplainHttp],
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
      useFactory: (settings: GatewayConfig) =>
        new ModelWorker({
          loopMicrosMax: settings.loopRunMicrosMax,
          processesMax: settings.modelProcessesMax,
          runMsMax: settings.modelRunMsMax,
          bytesMax: settings.modelBytesMax,
        }),
    },
    {
      provide: ServingTable,
      inject: [SETTINGS, ModelWorker, Platform, Logger, GatewayMetrics, Readiness],
      useFactory: async (
        { logDir }: GatewayConfig,
        models: ModelWorker,
        platform: Platform,
        log: Logger,
        metrics: GatewayMetrics,
        readiness: Readiness,
      ) => {
        const notLoaded = (model: string): void => metrics.notLoaded(model);
        const lastKnown = LastKnown.open(lastKnownDir(logDir), log);
        const table = new ServingTable({
          platform,
          log,
          load: (onnx, again) => models.load(onnx, again),
          notLoaded,
          lastKnown,
        });
        readiness.require('gateway', () => table.missing());
        readiness.mention('gateway', () => table.degraded());
        readiness.settlesWith(() => table.loaded());
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
        const { logDir, logBytesMax, logSegmentBytes, logOnFull, logFsync, logGatherMs } = settings;
        const predictions = PredictionLog.open({
          directory: logDir,
          maxBytes: logBytesMax,
          segmentBytes: logSegmentBytes,
          onFull: logOnFull,
          fsync: logFsync,
          gatherMs: logGatherMs,
          platform,
          log,
        });
        metrics.watch(predictions);
        // Without a record no request is answered, unless the settings say so.
        if (logOnFull === 'shed') readiness.require('prediction log', () => predictions.problem());
        else readiness.mention('prediction log', () => predictions.problem());
        readiness.settlesAfter(() => predictions.shipped());
        return predictions;
      },
    },
    {
      provide: FEATURES,
      inject: [Peers, { token: OnlineFeatures, optional: true }],
      useFactory: (peers: Peers, here: OnlineFeatures | undefined) => {
        if (here !== undefined) return here;
        const address = peers.grpcAddress('feature-store');
        return address === undefined ? null : new RemoteFeatures(address, peers.token, peers.tls);
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
    {
      provide: ExplainThread,
      inject: [SETTINGS],
      useFactory: ({ explainWaitingMax }: GatewayConfig) => new ExplainThread(explainWaitingMax),
    },
    {
      provide: Explanations,
      inject: [SETTINGS, ServingTable, ExplainThread, Admission, FEATURES, { token: PastPredictions, optional: true }],
      useFactory: (
        settings: GatewayConfig,
        table: ServingTable,
        thread: ExplainThread,
        admission: Admission,
        features: OnlineFeatures | null,
        here: PastPredictions | undefined,
      ) =>
        new Explanations({
          table,
          thread,
          admission,
          features,
          past: here ?? (features instanceof RemoteFeatures ? features.past : null),
          limits: {
            maxSkewMs: settings.maxSkewMs,
            rowsMax: settings.explainRowsMax,
            evaluationsMax: settings.explainEvaluationsMax,
            backgroundRowsMax: settings.explainBackgroundRowsMax,
            deadlineMs: settings.explainDeadlineMs,
            featuresDeadlineMs: settings.featuresDeadlineMs,
          },
          now: Date.now,
        }),
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
    @Inject(ExplainThread) private readonly explanations: ExplainThread,
  ) {}

  /** The servers take no calls any more, the platform still runs. */
  async onApplicationShutdown(): Promise<void> {
    this.inference.countShed();
    await this.predictions.close();
    await this.table.close();
    if (this.features instanceof RemoteFeatures) this.features.close();
    await this.explanations.close();
    await this.models.close();
  }
}

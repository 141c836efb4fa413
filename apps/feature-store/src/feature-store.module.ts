import { Global, Module } from '@nestjs/common';
import { OnlineFeatures, PastPredictions } from '@gyre/contracts';
import { Catalog, Config } from '@gyre/hosting';
import { Platform } from '@gyre/platform';
import { archive } from './archive.js';
import { FeatureStoreConfig } from './feature-store.config.js';
import { FeatureStoreGrpc } from './feature-store.grpc.js';
import { FeaturesController } from './feature-store.http.js';
import { historyLayout, outcomesLayout, predictionsLayout } from './layouts.js';
import { OnlineReader } from './online-reader.js';
import { online } from './online.js';
import { PredictionRecord } from './prediction-record.js';
import { CommittedSegments } from './segments.js';
import { trainingSetJob } from './training-job.js';
import { TrainingSetsController } from './training-sets.http.js';
import { TrainingSets } from './training-set.js';
import { Warehouse } from './warehouse.js';

@Global()
@Module({
  controllers: [FeaturesController, TrainingSetsController, FeatureStoreGrpc],
  providers: [
    {
      provide: OnlineFeatures,
      inject: [Platform, Catalog],
      useFactory: (platform: Platform, catalog: Catalog) => new OnlineReader(platform, catalog),
    },
    {
      provide: Warehouse,
      inject: [Config],
      useFactory: (config: Config) => Warehouse.open(config.read('feature-store', FeatureStoreConfig)),
    },
    {
      provide: CommittedSegments,
      inject: [Platform],
      useFactory: (platform: Platform) => new CommittedSegments(platform),
    },
    {
      provide: PastPredictions,
      inject: [Platform, Warehouse, CommittedSegments],
      useFactory: (platform: Platform, warehouse: Warehouse, committed: CommittedSegments) =>
        new PredictionRecord(platform, warehouse, committed),
    },
    {
      provide: TrainingSets,
      inject: [Platform, Warehouse, CommittedSegments],
      useFactory: (platform: Platform, warehouse: Warehouse, committed: CommittedSegments) =>
        new TrainingSets(platform, warehouse, committed),
    },
    {
      provide: 'feature-store',
      inject: [Platform, Config, Catalog, Warehouse, TrainingSets],
      useFactory: (platform: Platform, config: Config, catalog: Catalog, warehouse: Warehouse, sets: TrainingSets) => {
        const settings = config.read('feature-store', FeatureStoreConfig);
        const { artifacts } = platform;
        return [
          platform.run(online),
          platform.work(archive(historyLayout, warehouse, artifacts, settings)),
          platform.work(archive(predictionsLayout, warehouse, artifacts, settings)),
          platform.work(archive(outcomesLayout, warehouse, artifacts, settings)),
          platform.work(trainingSetJob(sets, catalog, artifacts, settings)),
        ];
      },
    },
  ],
  exports: [OnlineFeatures, PastPredictions],
})
export class FeatureStoreModule {}

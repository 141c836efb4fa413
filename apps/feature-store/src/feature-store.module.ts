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
import { trainingSetJob } from './training-job.js';
import { TrainingSets } from './training-set.js';
import { Warehouse } from './warehouse.js';

@Global()
@Module({
  controllers: [FeaturesController, FeatureStoreGrpc],
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
      provide: PastPredictions,
      inject: [Platform, Warehouse],
      useFactory: (platform: Platform, warehouse: Warehouse) => new PredictionRecord(platform, warehouse),
    },
    {
      provide: 'feature-store',
      inject: [Platform, Config, Catalog, Warehouse],
      useFactory: (platform: Platform, config: Config, catalog: Catalog, warehouse: Warehouse) => {
        const settings = config.read('feature-store', FeatureStoreConfig);
        const sets = new TrainingSets(platform, warehouse);
        return [
          platform.run(online),
          platform.work(archive(historyLayout, warehouse, settings)),
          platform.work(archive(predictionsLayout, warehouse, settings)),
          platform.work(archive(outcomesLayout, warehouse, settings)),
          platform.work(trainingSetJob(sets, catalog, platform.artifacts, settings)),
        ];
      },
    },
  ],
  exports: [OnlineFeatures, PastPredictions],
})
export class FeatureStoreModule {}

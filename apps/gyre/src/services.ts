import { fileURLToPath } from 'node:url';
import { ConsoleModule } from '@gyre/console';
import { DriftMonitorModule } from '@gyre/drift-monitor';
import { FeatureStoreModule } from '@gyre/feature-store';
import { gatewayKnowsEnough, GatewayModule } from '@gyre/gateway';
import type { Service } from '@gyre/hosting';
import { IngestionModule } from '@gyre/ingestion';
import { RegistryModule } from '@gyre/registry';
import { RetrainTriggerModule } from '@gyre/retrain-trigger';
import { TrainerModule } from '@gyre/trainer';

const proto = (file: string) => fileURLToPath(new URL(`../../../proto/${file}`, import.meta.url));

/** All that Gyre consists of. A new service is a folder and a line here. */
export const services: readonly Service[] = [
  { name: 'ingestion', settings: true, module: IngestionModule },
  {
    name: 'feature-store',
    settings: true,
    module: FeatureStoreModule,
    grpc: { package: 'gyre.v1', proto: proto('gyre/v1/feature_store.proto') },
  },
  {
    name: 'gateway',
    settings: true,
    module: GatewayModule,
    knowsEnough: gatewayKnowsEnough,
    grpc: [
      { package: 'inference', proto: proto('inference/grpc_predict_v2.proto') },
      { proto: proto('gyre/v1/explainer.proto') },
    ],
  },
  { name: 'drift-monitor', settings: true, module: DriftMonitorModule },
  { name: 'retrain-trigger', module: RetrainTriggerModule },
  { name: 'trainer', settings: true, module: TrainerModule },
  { name: 'registry', module: RegistryModule },
  { name: 'console', module: ConsoleModule },
];

import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { Platform } from '@gyre/platform';
import { Authentication } from './authentication.js';
import { CallGuard } from './call-guard.js';
import { Callers } from './callers.js';
import { Catalog } from './catalog.js';
import { Config } from './config.js';
import { FailureFilter } from './failure-filter.js';
import { GrpcBytes } from './grpc-bytes.js';
import { KnownEverywhere } from './known-everywhere.js';
import { Logger } from './logger.js';
import { Metrics } from './metrics.js';
import { OperationsController } from './operations.http.js';
import { Peers } from './peers.js';
import { Readiness } from './readiness.js';
import { Settling } from './settling.js';

/** What every service may ask for. */
export interface Hosted {
  platform: Platform;
  config: Config;
  catalog: Catalog;
  logger: Logger;
  metrics: Metrics;
  readiness: Readiness;
  peers: Peers;
  authentication: Authentication;
  callers: Callers;
  grpcBytes: GrpcBytes;
}

/** Gives every service its platform, settings, specs, log, metrics and readiness, by their classes as tokens. */
@Module({})
export class HostingModule {
  static with(hosted: Hosted): DynamicModule {
    const values = [
      { provide: Platform, useValue: hosted.platform },
      { provide: Config, useValue: hosted.config },
      { provide: Catalog, useValue: hosted.catalog },
      { provide: Logger, useValue: hosted.logger },
      { provide: Metrics, useValue: hosted.metrics },
      { provide: Readiness, useValue: hosted.readiness },
      { provide: Peers, useValue: hosted.peers },
      { provide: Callers, useValue: hosted.callers },
      { provide: GrpcBytes, useValue: hosted.grpcBytes },
    ];
    return {
      module: HostingModule,
      global: true,
      providers: [
        ...values,
        Settling,
        KnownEverywhere,
        { provide: APP_GUARD, useValue: new CallGuard(hosted.authentication, hosted.callers) },
        { provide: APP_FILTER, useValue: new FailureFilter(hosted.logger) },
      ],
      exports: [...values.map(({ provide }) => provide), Settling, KnownEverywhere],
      controllers: [OperationsController],
    };
  }
}

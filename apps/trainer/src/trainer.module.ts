import { Module } from '@nestjs/common';
import { Catalog, Config, Logger, Metrics } from '@gyre/hosting';
import { Platform } from '@gyre/platform';
import { TrainerConfig } from './trainer.config.js';
import { TrainerController } from './trainer.http.js';
import { type TrainingFinished, trainingJob } from './training.job.js';
import { TrainingPool } from './training-pool.js';
import { TrainingRowsReader } from './training-rows.js';

const SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800];

@Module({
  controllers: [TrainerController],
  providers: [
    {
      provide: TrainingPool,
      inject: [Config],
      useFactory: (config: Config) => {
        const { threads, threadHeapMegabytes, candidateSecondsMax } = config.read('trainer', TrainerConfig);
        return new TrainingPool({ threads, heapMegabytes: threadHeapMegabytes, candidateSecondsMax });
      },
    },
    {
      provide: TrainingRowsReader,
      inject: [Config],
      useFactory: (config: Config) => {
        const { duckdbThreads, duckdbMemoryMegabytes } = config.read('trainer', TrainerConfig);
        return new TrainingRowsReader({ threads: duckdbThreads, memoryMegabytes: duckdbMemoryMegabytes });
      },
    },
    {
      provide: 'trainer',
      inject: [Platform, Config, Catalog, Logger, Metrics, TrainingPool, TrainingRowsReader],
      useFactory: (
        platform: Platform,
        config: Config,
        catalog: Catalog,
        logger: Logger,
        metrics: Metrics,
        pool: TrainingPool,
        reader: TrainingRowsReader,
      ) => {
        const { split } = config.read('trainer', TrainerConfig);
        const onFinished = observer(logger, metrics);
        platform.work(trainingJob({ artifacts: platform.artifacts, catalog, pool, reader, split, onFinished }));
        return { onApplicationShutdown: () => Promise.all([pool.close(), reader.close()]) };
      },
    },
  ],
})
export class TrainerModule {}

/** Counts runs and says how each ended. */
function observer(
  logger: Logger,
  metrics: Metrics,
): (finished: TrainingFinished, rows: number, seconds: number) => void {
  const runs = metrics.counter('gyre_training_runs_total', 'Training runs that ended, with candidates or without', [
    'model',
    'trigger',
    'outcome',
  ]);
  const candidates = metrics.counter('gyre_training_candidates_total', 'Challengers trained, verified and stored', [
    'model',
    'trainer',
  ]);
  const duration = metrics.histogram(
    'gyre_training_duration_seconds',
    'From the training set to the verified candidates',
    SECONDS,
    ['model'],
  );
  return (finished, rows, seconds) => {
    const { model, run, trigger, failure, reason } = finished;
    runs.inc({ model, trigger, outcome: failure === null ? 'trained' : 'failed' });
    duration.observe({ model }, seconds);
    for (const { trainer } of finished.candidates) candidates.inc({ model, trainer });
    logger.info(reason, { model, run, rows, seconds });
  };
}

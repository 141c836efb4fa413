import { Controller, HttpCode, Inject, Param, Post, type BeforeApplicationShutdown } from '@nestjs/common';
import { GyreError, topics, type Candidate, type Reproduced } from '@gyre/contracts';
import { Catalog, Needs } from '@gyre/hosting';
import { Platform } from '@gyre/platform';
import { reproduce } from './reproduce.js';
import { TrainingPool } from './training-pool.js';
import { TrainingRowsReader, UntrainableError } from './training-rows.js';

@Controller('v1/models/:model/versions/:version')
export class TrainerController implements BeforeApplicationShutdown {
  private readonly stopping = new AbortController();
  private underWay = false;

  constructor(
    @Inject(Platform) private readonly platform: Platform,
    @Inject(Catalog) private readonly catalog: Catalog,
    @Inject(TrainingPool) private readonly pool: TrainingPool,
    @Inject(TrainingRowsReader) private readonly reader: TrainingRowsReader,
  ) {}

  /** Trains a version again, from its manifest, and says whether the same bytes come out. It takes as long as training it did. */
  @Needs('operator')
  @Post('reproduce')
  @HttpCode(200)
  async reproduce(@Param('model') model: string, @Param('version') text: string): Promise<Reproduced> {
    const { version, candidate } = await this.registered(model, text);
    if (candidate.trainer === 'import') {
      throw new GyreError(
        'COMMAND_REFUSED',
        `version ${version} of model "${model}" was imported from a file, so there is no training to do again`,
      );
    }
    // Each holds a whole training set in memory.
    if (this.underWay)
      throw new GyreError('OVERLOADED', 'another version is being trained again; ask again when that has ended');
    this.underWay = true;
    try {
      const { pool, reader, platform } = this;
      const result = await reproduce(
        candidate.manifest,
        { pool, reader, artifacts: platform.artifacts },
        this.stopping.signal,
      );
      return { model, version, ...result };
    } catch (error) {
      if (!(error instanceof UntrainableError)) throw error;
      throw new GyreError(
        'COMMAND_REFUSED',
        `version ${version} of model "${model}" cannot be trained again: ${error.message}`,
      );
    } finally {
      this.underWay = false;
    }
  }

  beforeApplicationShutdown(): void {
    this.stopping.abort(new GyreError('NOT_READY', 'this process stops; ask again when it is back'));
  }

  private async registered(model: string, text: string): Promise<{ version: number; candidate: Candidate }> {
    this.catalog.requireModel(model);
    const version = Number(text);
    if (!Number.isInteger(version) || version < 1)
      throw new GyreError('BAD_REQUEST', `"${text}" is no version; a version is a whole number, such as 3`);
    for await (const { event } of this.platform.read(topics.lifecycle, { key: model }))
      if (event.type === 'VersionRegistered' && event.version === version)
        return { version, candidate: event.candidate };
    throw new GyreError('VERSION_NOT_FOUND', `model "${model}" has no version ${version}`);
  }
}

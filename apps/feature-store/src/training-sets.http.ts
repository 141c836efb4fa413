import { Controller, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { GyreError } from '@gyre/contracts';
import { Needs } from '@gyre/hosting';
import { Platform } from '@gyre/platform';
import { z } from 'zod';
import type { TrainingManifest } from './training-manifest.js';
import { HistoryIncomplete, TrainingSets, type TrainingSet } from './training-set.js';

/** POST /v1/training-sets/:sha256/rebuild */
export interface Rebuilt {
  /** Whether the rows are those of the manifest, to the last bit. */
  same: boolean;
  /** See `digestOf`: of the manifest, and of what was built now. */
  digest: { manifest: string; rebuilt: string };
  rows: { manifest: number; rebuilt: number };
}

/** As much of a manifest as tells it from any other artifact. */
const Manifest = z.looseObject({
  format: z.literal(1),
  recipe: z.looseObject({ model: z.string(), upTo: z.looseObject({}) }),
  rows: z.int(),
  digest: z.string(),
  columns: z.array(z.unknown()),
});

@Controller('v1/training-sets')
export class TrainingSetsController {
  constructor(
    @Inject(Platform) private readonly platform: Pick<Platform, 'artifacts'>,
    @Inject(TrainingSets) private readonly sets: TrainingSets,
  ) {}

  /** Builds a training set again from its manifest and compares: nothing is kept. */
  @Needs('operator')
  @Post(':sha256/rebuild')
  @HttpCode(200)
  async rebuild(@Param('sha256') sha256: string): Promise<Rebuilt> {
    const manifest = manifestIn(await this.platform.artifacts.get(sha256), sha256);
    const { manifest: rebuilt } = await this.rebuilt(manifest);
    return {
      same: rebuilt.digest === manifest.digest,
      digest: { manifest: manifest.digest, rebuilt: rebuilt.digest },
      rows: { manifest: manifest.rows, rebuilt: rebuilt.rows },
    };
  }

  private async rebuilt(manifest: TrainingManifest): Promise<TrainingSet> {
    try {
      return await this.sets.rebuild(manifest);
    } catch (error) {
      if (!(error instanceof HistoryIncomplete)) throw error;
      throw new GyreError(
        'COMMAND_REFUSED',
        `the training set cannot be rebuilt: the archive lacks the history of ${error.rows} of its predictions`,
      );
    }
  }
}

/** @throws GyreError BAD_REQUEST for an artifact that is something else */
function manifestIn(bytes: Uint8Array, sha256: string): TrainingManifest {
  try {
    return Manifest.parse(JSON.parse(Buffer.from(bytes).toString())) as unknown as TrainingManifest;
  } catch {
    throw new GyreError(
      'BAD_REQUEST',
      `the artifact ${sha256} is no manifest of a training set; TrainingSetBuilt in the model's timeline names it as manifest`,
    );
  }
}

import { createHash } from 'node:crypto';
import type { Reproduced } from '@gyre/contracts';
import type { Artifacts } from '@gyre/platform';
import { decodeManifest, encodeManifest, onnxMetadata, type Software, softwareHere } from './manifest.js';
import type { TrainingPool } from './training-pool.js';
import type { TrainingRowsReader } from './training-rows.js';

/** What a reproduction works with. */
export interface ReproductionSurroundings {
  readonly artifacts: Pick<Artifacts, 'get'>;
  readonly reader: TrainingRowsReader;
  readonly pool: Pick<TrainingPool, 'train'>;
}

/**
 * Does a run's work for one candidate again, from its manifest and the training set alone, in a training thread. Nothing is stored.
 *
 * @param manifest sha-256 of the candidate's manifest
 * @throws GyreError ARTIFACT_NOT_FOUND, ARTIFACT_CORRUPT; UntrainableError as training does
 */
export async function reproduce(
  manifest: string,
  { artifacts, reader, pool }: ReproductionSurroundings,
  signal: AbortSignal,
): Promise<Omit<Reproduced, 'model' | 'version'>> {
  const before = decodeManifest(await artifacts.get(manifest));
  const data = await reader.read(await artifacts.get(before.trainingSet.data), before.features.length);
  const { onnx, ...measured } = await pool.train({ data, plan: before.plan, metadata: onnxMetadata(before) }, signal);
  const again = sha256(onnx);
  const after = encodeManifest({ ...before, ...measured, onnx: again });
  const software = softwareHere();
  return {
    same: again === before.onnx,
    onnx: { registered: before.onnx, again },
    sameManifest: sha256(after) === manifest,
    otherSoftware: (Object.keys(software) as (keyof Software)[])
      .filter((name) => software[name] !== before.software[name])
      .map((name) => ({ name, then: before.software[name], now: software[name] })),
  };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

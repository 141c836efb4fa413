import { rowsOf } from '@gyre/learning';
import type { Artifacts } from '@gyre/platform';
import { exportOnnx } from './export-onnx.js';
import { decodeManifest, encodeManifest, onnxMetadata, type Software, softwareHere } from './manifest.js';
import { predictRows } from './measure.js';
import { trainCandidate } from './train.js';
import type { TrainingSetReader } from './training-set.js';
import { onnxDifference } from './verify.js';

export interface Reproduction {
  readonly onnx: Uint8Array;
  readonly manifest: Uint8Array;
  /** Whether ONNX file and manifest came out the same, to the byte. */
  readonly same: boolean;
  /** Software that is another than at the time: then the bytes may differ. */
  readonly otherSoftware: readonly (keyof Software)[];
}

/**
 * Does a run's work for one candidate again, from its manifest and the training set alone.
 *
 * @param manifest sha-256 of the candidate's manifest
 * @throws GyreError ARTIFACT_NOT_FOUND, ARTIFACT_CORRUPT
 */
export async function reproduce(
  manifest: string,
  artifacts: Artifacts,
  reader: TrainingSetReader,
): Promise<Reproduction> {
  const before = decodeManifest(await artifacts.get(manifest));
  const data = await reader.read(await artifacts.get(before.trainingSet.data), before.features.length);
  const { model, rounds, metrics, baseline } = trainCandidate(data, before.plan);
  const onnx = exportOnnx(model, rowsOf(data, before.plan.final), onnxMetadata(before));
  const onnxDifferenceMax = onnxDifference(onnx, data, before.plan, predictRows(model, data, before.plan.holdout));
  const software = softwareHere();
  const sha = await artifacts.put(onnx);
  const after = encodeManifest({ ...before, rounds, metrics, baseline, onnx: sha, onnxDifferenceMax, software });
  const otherSoftware = (Object.keys(software) as (keyof Software)[]).filter(
    (name) => software[name] !== before.software[name],
  );
  return { onnx, manifest: after, same: (await artifacts.put(after)) === manifest, otherSoftware };
}

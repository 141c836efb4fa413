import { createRequire } from 'node:module';
import { z } from 'zod';
import { version as duckDbVersion } from '@duckdb/node-api';
import { LabelValue } from '@gyre/contracts';
import { runtimeVersion } from '@gyre/model-runtime';
import type { CandidatePlan } from './plan.js';

const Measures = z.record(z.string(), z.number().nullable());

/** What a version was made with. The same Node version on the same architecture makes the same bytes again. */
export const Software = z.object({
  gyre: z.string(),
  node: z.string(),
  platform: z.string(),
  arch: z.string(),
  duckdb: z.string(),
  onnxruntime: z.string(),
});
export type Software = z.infer<typeof Software>;

/**
 * All that a candidate came from. It names no time and no machine, so that the same work gives the same manifest.
 */
export const Manifest = z.object({
  format: z.literal(1),
  model: z.string(),
  run: z.string(),
  /** As view.field, in the order of the model's input. */
  features: z.array(z.string()),
  /** In the order of its output; empty for a regression. */
  classes: z.array(LabelValue),
  trainingSet: z.object({ data: z.string(), manifest: z.string(), digest: z.string(), rows: z.int() }),
  /** Settings in full, seed, and the rows of the set that each step used. */
  plan: z.custom<CandidatePlan>((value) => typeof value === 'object' && value !== null),
  /** Boosting rounds that the validation rows chose, and that the final model took. */
  rounds: z.int().nullable(),
  /** What `metrics` are of: not of the file itself. */
  measured: z.string(),
  metrics: Measures,
  baseline: Measures,
  onnx: z.string(),
  onnxDifferenceMax: z.number(),
  software: Software,
});
export type Manifest = z.infer<typeof Manifest>;

export const MEASURED =
  'metrics are of the same trainer fitted on plan.training, which ends before plan.holdout; the ONNX file was then fitted on plan.final, holdout included';

export function softwareHere(): Software {
  const own = createRequire(import.meta.url)('../package.json') as { version: string };
  const { version: node, platform, arch } = process;
  return { gyre: own.version, node, platform, arch, duckdb: duckDbVersion(), onnxruntime: runtimeVersion };
}

/** The schema gives the order of the keys, whoever made the object. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(Manifest.parse(manifest), null, 2)}\n`);
}

/** @throws ZodError if it is no manifest of a format that this program knows */
export function decodeManifest(bytes: Uint8Array): Manifest {
  return Manifest.parse(JSON.parse(new TextDecoder().decode(bytes)));
}

/** What an ONNX file says of itself. */
export function onnxMetadata(
  manifest: Pick<Manifest, 'model' | 'features' | 'classes'> & { plan: Pick<CandidatePlan, 'task'> },
): Record<string, string> {
  return {
    'gyre.model': manifest.model,
    'gyre.task': manifest.plan.task,
    'gyre.features': JSON.stringify(manifest.features),
    'gyre.classes': JSON.stringify(manifest.classes),
  };
}

import { createHash } from 'node:crypto';
import {
  GyreError,
  ModelSpec,
  ResourceName,
  type Imported,
  type LabelRules,
  type Lifecycle,
  type ModelInForce,
} from '@gyre/contracts';
import {
  outputSignature,
  prepareOnnx,
  refuseUnsafe,
  runtimeVersion,
  signatureOf,
  tryOnnx,
  type TrialReport,
} from '@gyre/model-runtime';
import type { Artifacts } from '@gyre/platform';

/** What loading and running a stranger's model once may take; a model that needs more is not served either. */
const TRIAL = { memoryBytesMax: 4 * 1_073_741_824, secondsMax: 20 };

/** A file that somebody brought. */
export interface OnnxFile {
  /** As the caller calls it. */
  name: string;
  bytes: Uint8Array;
}

/**
 * What importing an ONNX file as a version of a model means: the events to append, and the answer. The graph as it will be served and the manifest
 * that says what was changed in it are among the artifacts when it resolves.
 *
 * @param there the model of that name, if there is one
 * @throws GyreError MODEL_INVALID for a file that is unsafe, broken or too large to run; COMMAND_REFUSED where the name is a trained model's, or
 *   the outputs answer another question; BAD_REQUEST for a name that cannot be
 */
export async function importModel(
  model: string,
  file: OnnxFile,
  there: ModelInForce | undefined,
  artifacts: Artifacts,
  by: { actor: string; at: number },
): Promise<{ events: Lifecycle[]; answer: Imported }> {
  const name = ResourceName.safeParse(model);
  if (!name.success)
    throw new GyreError('BAD_REQUEST', `"${model}" is no name for a model: ${name.error.issues[0]?.message}`);
  if (there !== undefined && there.imported !== true) {
    throw new GyreError(
      'COMMAND_REFUSED',
      `model "${model}" was applied with features, and its versions are trained; import the file under another name`,
    );
  }
  refuseUnsafe(file.bytes);
  const { bytes, cut } = prepareOnnx(file.bytes);
  const report = await tryOnnx(bytes, TRIAL);
  const spec = specOf(model, report);
  if (there !== undefined && question(spec) !== question(there)) {
    throw new GyreError(
      'COMMAND_REFUSED',
      `model "${model}" has the label ${question(there)}, and the file answers ${question(spec)}; import it under another name`,
    );
  }
  const onnx = await artifacts.put(bytes);
  const { classes, metadata, run } = report;
  const inputs = report.inputs.map(signatureOf);
  const outputs = report.outputs.map((one) => outputSignature(one, run.rowsIndependent));
  const manifest = {
    kind: 'ImportManifest',
    file: { name: file.name, bytes: file.bytes.length, sha256: createHash('sha256').update(file.bytes).digest('hex') },
    onnx,
    /** ZipMap nodes were cut off: these outputs are FP32 [N, classes] now. */
    cut,
    inputs,
    outputs,
    classes,
    metadata,
    run,
    onnxruntime: runtimeVersion,
  };
  const stored = await artifacts.put(Buffer.from(JSON.stringify(manifest)));
  const base = { model, occurredAt: by.at, actor: by.actor };
  const applied: Lifecycle[] =
    there === undefined
      ? [{ ...base, type: 'ModelApplied', spec, reason: `Model ${model} was imported from ${file.name}` }]
      : [];
  return {
    events: [
      ...applied,
      {
        ...base,
        type: 'ModelImported',
        onnx,
        manifest: stored,
        file: file.name,
        runMicros: run.micros,
        reason: `${file.name} was imported; ${took(run.micros)}`,
      },
    ],
    answer: { model, onnx, manifest: stored, inputs, outputs, classes: [...classes], cut: [...cut] },
  };
}

function took(micros: number | null): string {
  return micros === null ? 'no sample fitted its inputs' : `a run of one row takes ${micros.toPrecision(2)} µs`;
}

/** The spec under which an imported model is in force: no features, no training, and no answer but its own. */
function specOf(name: string, { classes, outputs }: TrialReport): ModelInForce {
  const spec = ModelSpec.parse({
    kind: 'Model',
    name,
    features: ['imported.*'],
    label: labelOf(classes, outputs),
    // What was brought stands as it is: no version is trained or promoted in its place.
    retraining: { onDrift: false, onPerformance: false, everyLabels: null },
    rollout: { bakePairs: 0 },
    fallback: { refuse: true },
  });
  return { ...spec, features: [], trainers: [], inputs: [], imported: true };
}

/** A classifier's classes, where an output has a column for each of them. */
function labelOf(classes: TrialReport['classes'], outputs: TrialReport['outputs']): object {
  const columns = outputs.some(({ type, shape }) => type.startsWith('float') && shape.at(-1) === classes.length);
  if (classes.length < 2 || !columns) return { name: 'label', type: 'regression' };
  return { name: 'label', type: classes.length === 2 ? 'binary' : 'multiclass', classes };
}

function question({ label }: { label: LabelRules }): string {
  return label.type === 'regression' ? 'a number' : JSON.stringify(label.classes);
}

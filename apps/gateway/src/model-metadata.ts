import { classesOf } from '@gyre/contracts';
import { outputSignature, signatureOf } from '@gyre/model-runtime';
import { outputMetadata } from './answer.js';
import { MATRIX } from './feature-rows.js';
import type { ModelMetadata, Parameters } from './oip.js';
import type { ServedVersion } from './served-version.js';
import { chosenVersion, versionsOf, type Serving } from './serving.js';

/** What a client is told of a model. @throws GyreError VERSION_NOT_FOUND */
export function metadataOf(serving: Serving, version: string): ModelMetadata {
  const chosen = chosenVersion(serving, version);
  const { spec } = chosen ?? serving;
  const tensors = chosen?.tensors ?? null;
  return {
    name: spec.name,
    versions: [...versionsOf(serving)].map((one) => String(one.version)),
    platform: 'onnxruntime_onnx',
    ...(tensors === null
      ? {
          inputs: spec.imported === true ? [] : [{ name: MATRIX, datatype: 'FP32', shape: [-1, spec.inputs.length] }],
          outputs: spec.imported === true ? [] : outputMetadata(spec.label),
        }
      : {
          inputs: [...tensors.inputs, ...tensors.optionalInputs].map(signatureOf),
          outputs: tensors.outputs.map((one) => outputSignature(one, tensors.rowsIndependent)),
        }),
    parameters: parametersOf(chosen, tensors === null ? classesOf(spec.label) : (chosen?.classes ?? [])),
  };
}

/**
 * `class_labels`: a JSON list, in the order of the probabilities. `runs_on`: `loop`, the thread that takes the requests, `worker` or `process`. `sized_by`: the
 * operator by which the inputs say how much a run does. `run_micros`: the measured time of one row, which decided that. `batched`: whether rows of several
 * requests are run together. `optional_inputs`: a JSON list of those that need not be brought.
 */
function parametersOf(version: ServedVersion | null, classes: readonly unknown[]): Parameters {
  const parameters: Parameters = {};
  if (classes.length > 0) parameters['class_labels'] = JSON.stringify(classes);
  if (version === null) return parameters;
  parameters['runs_on'] = version.runsOn;
  if (version.sizedBy !== null) parameters['sized_by'] = version.sizedBy;
  if (version.runMicros !== null) parameters['run_micros'] = Math.round(version.runMicros * 10) / 10;
  parameters['batched'] = version.tensors?.rowsIndependent ?? true;
  const optional = version.tensors?.optionalInputs ?? [];
  if (optional.length > 0) parameters['optional_inputs'] = JSON.stringify(optional.map(({ name }) => name));
  return parameters;
}

/** Whether a version answers, or this one is loaded. Until then the fallback does. */
export function isReady(serving: Serving, version: string): boolean {
  return version === ''
    ? serving.answering !== null
    : [...versionsOf(serving)].some((one) => String(one.version) === version);
}

export const SERVER = { name: 'gyre', version: '0.1.0', extensions: ['binary_tensor_data'] };

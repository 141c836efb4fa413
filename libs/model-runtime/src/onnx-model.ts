import { GyreError } from '@gyre/contracts';
import { LoadedModel, type TensorInfo, type TensorValue } from './loaded-model.js';
import { isOfMemory, sample, type MeasuredRun } from './measured-run.js';
import { prepareOnnx } from './onnx-graph.js';
import { elementType, type NativeSession, openSession, Tensor } from './onnxruntime.js';
import { optionalInputs } from './optional-inputs.js';
import { sizedByValues } from './value-sized.js';

/** Names under which converters put a classifier's probabilities, the likeliest first. */
const SCORE_NAMES = ['output', 'probabilities', 'probability', 'output_probability', 'scores'];
const NO_OPTIONS = {};
/** Of all outputs of a run: what is larger is no answer to send. */
const OUTPUT_BYTES_MAX = 64 * 1_048_576;

/**
 * An ONNX model in onnxruntime, on the caller's thread: one thread of computation, no waiting for a turn of the loop.
 *
 * A small model (100 trees) takes about 9 µs for one row and 1.2 µs a row in a batch of 32. Outputs that are no tensors (ZipMap) are
 * cut off the graph when it is loaded, see onnx-graph.ts.
 */
export class OnnxModel extends LoadedModel {
  readonly runsOn = 'loop';
  private disposed = false;
  private hasAnswered = false;

  private constructor(
    private readonly session: NativeSession,
    readonly inputs: readonly TensorInfo[],
    readonly optionalInputs: readonly TensorInfo[],
    /** By name: what stands in for an optional input that is not brought. */
    private readonly initial: Readonly<Record<string, Tensor>>,
    readonly outputs: readonly TensorInfo[],
    readonly classes: readonly (string | number)[],
    readonly metadata: Readonly<Record<string, string>>,
    readonly width: number | undefined,
    readonly scoreName: string | undefined,
    readonly sizedBy: string | null,
    public measured: MeasuredRun | null,
  ) {
    super();
  }

  /**
   * @param bytes an ONNX file, verified by whoever fetched it
   * @param measured what is known of its runs, where somebody has run it before
   * @throws GyreError MODEL_INVALID if onnxruntime cannot run it
   */
  static load(bytes: Uint8Array, measured: MeasuredRun | null = null): OnnxModel {
    const prepared = prepareOnnx(bytes);
    const { session, initial } = opened(prepared.bytes);
    const all = session.inputMetadata.map(tensorInfo).map((info): TensorInfo => {
      return prepared.unranked.has(info.name) ? { ...info, anyRank: true } : info;
    });
    const inputs = all.filter(({ name }) => !Object.hasOwn(initial, name));
    const optional = all.filter(({ name }) => Object.hasOwn(initial, name));
    const outputs = session.outputMetadata.map(tensorInfo);
    const matrix =
      inputs.length === 1 && inputs[0]?.type === 'float32' && inputs[0].shape.length === 2 ? inputs[0] : undefined;
    const width = typeof matrix?.shape[1] === 'number' ? matrix.shape[1] : undefined;
    const { classes, metadata } = prepared;
    const scoreName = scoreOf(outputs)?.name;
    const sizedBy = sizedByValues(
      prepared.bytes,
      [...inputs, ...optional].map(({ name }) => name),
    );
    return new OnnxModel(
      session,
      inputs,
      optional,
      initial,
      outputs,
      classes,
      metadata,
      width,
      scoreName,
      sizedBy,
      measured,
    );
  }

  override run(features: Float32Array, rows: number): Float32Array {
    const { scoreName, width } = this;
    const input = this.inputs[0];
    if (scoreName === undefined || width === undefined || input === undefined) {
      throw new GyreError(
        'FEATURES_MISMATCHED',
        `the model takes ${describe(this.inputs)} and gives ${describe(this.outputs)}, not one matrix of features and one of scores`,
      );
    }
    if (rows < 1 || features.length !== rows * width) {
      throw new GyreError(
        'FEATURES_MISMATCHED',
        `the model takes ${width} features a row; ${features.length} values are not ${rows} such rows`,
      );
    }
    this.checkOpen();
    const answer = this.session.run(
      { ...this.initial, [input.name]: new Tensor('float32', features, [rows, width]) },
      { [scoreName]: null },
      NO_OPTIONS,
    );
    const data = (answer[scoreName] as Tensor).data;
    return data instanceof Float32Array ? data : Float32Array.from(data as Float64Array);
  }

  override call(
    inputs: Readonly<Record<string, TensorValue>>,
    outputs: readonly string[] = this.outputs.map((output) => output.name),
  ): Record<string, TensorValue> {
    this.checkOpen();
    const feeds = { ...this.initial };
    for (const info of this.inputs) feeds[info.name] = tensorOf(info, inputs[info.name]);
    for (const info of this.optionalInputs)
      if (inputs[info.name] !== undefined) feeds[info.name] = tensorOf(info, inputs[info.name]);
    for (const name of Object.keys(inputs))
      if (!(name in feeds))
        throw new GyreError(
          'FEATURES_MISMATCHED',
          `the model has no input "${name}"; it takes ${describe([...this.inputs, ...this.optionalInputs])}`,
        );
    for (const name of outputs) {
      if (!this.outputs.some((output) => output.name === name))
        throw new GyreError(
          'FEATURES_MISMATCHED',
          `the model has no output "${name}"; it gives ${describe(this.outputs)}`,
        );
    }
    let answer: Record<string, unknown>;
    try {
      answer = this.session.run(feeds, Object.fromEntries(outputs.map((name) => [name, null])), NO_OPTIONS);
    } catch (error) {
      const { message } = error as Error;
      if (isOfMemory(message) || !this.runsOtherwise()) throw new Error(`the model failed to run: ${message}`);
      throw new GyreError('FEATURES_MISMATCHED', `the model cannot take these inputs: ${message}`);
    }
    this.hasAnswered = true;
    const values = outputs.map((name) => valueOf(answer[name] as Tensor));
    refuseLarge(values, outputs);
    return Object.fromEntries(outputs.map((name, i) => [name, values[i] as TensorValue]));
  }

  override dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.session.dispose();
  }

  /**
   * Whether it runs on other inputs than those that it failed on, so that they are to blame: onnxruntime's binding does not say which error is an invalid
   * argument. Its own sample tells; where it never took that, that it has answered something.
   */
  private runsOtherwise(): boolean {
    const own = sample(this.inputs, [1]);
    const feeds = { ...this.initial };
    for (const info of this.inputs) feeds[info.name] = tensorOf(info, own[info.name]);
    try {
      this.session.run(feeds, Object.fromEntries(this.outputs.map(({ name }) => [name, null])), NO_OPTIONS);
      return true;
    } catch {
      return this.hasAnswered && this.measured?.micros == null;
    }
  }

  private checkOpen(): void {
    if (this.disposed) throw new RangeError('This model has been disposed of');
  }
}

/** Where onnxruntime does not load the graph without the values of optional inputs, as some operators must know them then, they stay constants. */
function opened(bytes: Uint8Array): { session: NativeSession; initial: Readonly<Record<string, Tensor>> } {
  try {
    const optional = optionalInputs(bytes);
    if (optional !== null) {
      const session = openSession(optional.bytes);
      const infos = session.inputMetadata.map(tensorInfo).filter(({ name }) => optional.initial.has(name));
      const standIns = infos.map((info) => [info.name, tensorOf(info, optional.initial.get(info.name))] as const);
      return { session, initial: Object.fromEntries(standIns) };
    }
  } catch {
    // The file as it is says what is wrong with it.
  }
  try {
    return { session: openSession(bytes), initial: {} };
  } catch (error) {
    throw new GyreError('MODEL_INVALID', `onnxruntime cannot run the model: ${(error as Error).message}`);
  }
}

function tensorInfo(raw: NativeSession['inputMetadata'][number]): TensorInfo {
  const type = raw.isTensor ? elementType(raw.type) : undefined;
  if (type === undefined)
    throw new GyreError('MODEL_INVALID', `"${raw.name}" is no tensor of a type that can be served`);
  return {
    name: raw.name,
    type,
    shape: raw.shape.map((size, i) => (size >= 0 ? size : (raw.symbolicDimensions[i] ?? ''))),
  };
}

/** Of the floating outputs, the one with a known name, else the last matrix, else the last. */
function scoreOf(outputs: readonly TensorInfo[]): TensorInfo | undefined {
  const floating = outputs.filter((output) => output.type === 'float32' || output.type === 'float64');
  for (const name of SCORE_NAMES) {
    const named = floating.find((output) => output.name === name);
    if (named !== undefined) return named;
  }
  return floating.findLast((output) => output.shape.length === 2) ?? floating.at(-1);
}

function tensorOf(info: TensorInfo, value: TensorValue | undefined): Tensor {
  if (value === undefined)
    throw new GyreError('FEATURES_MISMATCHED', `the input "${info.name}" is missing; it is ${describe([info])}`);
  const fits =
    value.type === info.type &&
    (info.anyRank === true || value.dims.length === info.shape.length) &&
    info.shape.every((size, i) => typeof size === 'string' || size === value.dims[i]);
  const size = value.dims.reduce((product, dim) => product * dim, 1);
  if (!fits || size !== value.data.length) {
    const got = `${value.type} [${value.dims.join(', ')}] of ${value.data.length} values`;
    throw new GyreError('FEATURES_MISMATCHED', `the input is ${describe([info])}, got ${got}`);
  }
  const tensor = new Tensor(value.type as 'float32', value.data as Float32Array, value.dims);
  if (value.data instanceof Float16Array) {
    // The native side does not know Float16Array, which the library makes of any halves: it reads their bits.
    const { buffer, byteOffset, length } = value.data;
    Object.assign(tensor, { cpuData: new Uint16Array(buffer, byteOffset, length) });
  }
  return tensor;
}

function valueOf(tensor: Tensor): TensorValue {
  return { type: tensor.type as TensorValue['type'], dims: tensor.dims, data: tensor.data as Float32Array };
}

/** @throws GyreError RUN_TOO_LARGE */
function refuseLarge(values: readonly TensorValue[], names: readonly string[]): void {
  let bytes = 0;
  for (const { data } of values)
    bytes += Array.isArray(data)
      ? (data as string[]).reduce((sum, text) => sum + text.length, 0)
      : (data as Float32Array).byteLength;
  if (bytes <= OUTPUT_BYTES_MAX) return;
  const shapes = values.map(({ type, dims }, i) => `"${names[i]}" ${type} [${dims.join(', ')}]`);
  throw new GyreError(
    'RUN_TOO_LARGE',
    `the model gives ${shapes.join(', ')}, which is ${bytes} bytes; expected at most ${OUTPUT_BYTES_MAX}: ask for less in one request`,
  );
}

function describe(infos: readonly TensorInfo[]): string {
  return infos
    .map(({ name, type, shape }) => `"${name}" ${type} [${shape.map((size) => (size === '' ? '?' : size)).join(', ')}]`)
    .join(', ');
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceClient, type GrpcAnswer } from './inference-client.js';
import { root, RunningGyre, until, type InferAnswer } from './harness.js';

/** A tensor as Python's onnxruntime has it: `tensor(float)`, and for a ZipMap `seq(map(string,tensor(float)))`. */
interface Golden {
  type: string;
  shape: number[];
  data: (number | string | boolean)[];
}
interface Case {
  inputs: Record<string, Golden>;
  outputs: Record<string, Golden>;
}

const FOLDER = join(root, 'apps/gyre-e2e/testdata/models');
const names = readdirSync(FOLDER).flatMap((file) => (file.endsWith('.onnx') ? [file.slice(0, -5)] : []));
const DATATYPES: Record<string, string> = {
  float: 'FP32',
  double: 'FP64',
  float16: 'FP16',
  string: 'BYTES',
  bool: 'BOOL',
  int8: 'INT8',
  int32: 'INT32',
  int64: 'INT64',
  uint8: 'UINT8',
  uint64: 'UINT64',
};
const CONTENTS: Record<string, string> = {
  FP32: 'fp32_contents',
  FP64: 'fp64_contents',
  BYTES: 'bytes_contents',
  BOOL: 'bool_contents',
  INT8: 'int_contents',
  INT32: 'int_contents',
  INT64: 'int64_contents',
  UINT8: 'uint_contents',
  UINT64: 'uint64_contents',
};
const datatypeOf = ({ type }: Golden): string => DATATYPES[/^tensor\((\w+)\)$/.exec(type)?.[1] ?? ''] ?? 'FP32';

/** Raw contents, little-endian; texts each after their length. */
function rawOf(datatype: string, data: Golden['data']): Buffer {
  if (datatype === 'BYTES') {
    return Buffer.concat(
      data.flatMap((text) => {
        const length = Buffer.alloc(4);
        length.writeUInt32LE(Buffer.byteLength(String(text)));
        return [length, Buffer.from(String(text))];
      }),
    );
  }
  if (datatype === 'INT64') return Buffer.from(BigInt64Array.from(data, (n) => BigInt(Number(n))).buffer);
  if (datatype === 'UINT64') return Buffer.from(BigUint64Array.from(data, (n) => BigInt(Number(n))).buffer);
  const arrays = { FP32: Float32Array, FP64: Float64Array, FP16: Float16Array, INT32: Int32Array, INT8: Int8Array };
  const array = arrays[datatype as keyof typeof arrays] ?? Uint8Array;
  return Buffer.from((array as typeof Float64Array).from(data, Number).buffer);
}

/** What raw contents hold. */
function valuesIn(datatype: string, raw: Buffer): (number | string)[] {
  if (datatype === 'BYTES') {
    const texts: string[] = [];
    for (let at = 0; at < raw.length; at += 4 + raw.readUInt32LE(at))
      texts.push(raw.toString('utf8', at + 4, at + 4 + raw.readUInt32LE(at)));
    return texts;
  }
  const copy = new Uint8Array(raw).buffer;
  if (datatype === 'INT64') return Array.from(new BigInt64Array(copy), Number);
  if (datatype === 'UINT64') return Array.from(new BigUint64Array(copy), Number);
  const arrays = { FP32: Float32Array, FP64: Float64Array, FP16: Float16Array, INT32: Int32Array, INT8: Int8Array };
  const array = arrays[datatype as keyof typeof arrays] ?? Uint8Array;
  return Array.from(new (array as typeof Float64Array)(copy));
}

describe('a model that somebody brings', () => {
  let running: RunningGyre;
  let client: InferenceClient;

  beforeAll(async () => {
    running = await RunningGyre.start();
    client = new InferenceClient(running.grpcAddress);
  }, 180_000);
  afterAll(() => client.close());

  it.each(names)('is served as Python runs it, over REST, typed and raw: %s', async (name) => {
    const golden = JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as Case;
    const model = name.replaceAll('_', '-');
    const body = readFileSync(join(FOLDER, `${name}.onnx`));
    const imported = await running.call('POST', `/v1/models/${model}/import`, {
      body,
      headers: { 'x-file-name': name },
    });
    expect(imported).toMatchObject({ status: 202 });
    await until('it to be served', async () =>
      (await running.call('GET', `/v2/models/${model}/ready`)).status === 200 ? true : undefined,
    );
    const expectGolden = (output: string, shape: readonly number[], values: readonly unknown[]): void => {
      const { data, shape: expected } = golden.outputs[output] as Golden;
      expect([output, ...shape]).toEqual([output, ...expected]);
      expect(values).toHaveLength(data.length);
      data.forEach((value, i) => {
        if (typeof value === 'number') expect(Math.abs(Number(values[i]) - value)).toBeLessThanOrEqual(1e-5);
        else
          expect(typeof value === 'boolean' ? Number(values[i]) : String(values[i])).toBe(
            typeof value === 'boolean' ? Number(value) : value,
          );
      });
    };
    const inputs = Object.entries(golden.inputs).map(([input, one]) => {
      return { name: input, datatype: datatypeOf(one), shape: one.shape, data: one.data };
    });

    const rest = await running.post<InferAnswer>(`/v2/models/${model}/infer`, { inputs });
    expect(rest.outputs.map((output) => output.name)).toEqual(Object.keys(golden.outputs));
    for (const { name: output, shape, data } of rest.outputs) expectGolden(output, shape, data);

    const raw: GrpcAnswer = await client.infer({
      model_name: model,
      inputs: inputs.map(({ data: _, ...header }) => header),
      raw_input_contents: inputs.map(({ datatype, data }) => rawOf(datatype, data)),
    });
    raw.outputs.forEach(({ name: output, datatype, shape }, i) =>
      expectGolden(output, shape, valuesIn(datatype, raw.raw_output_contents[i] as Buffer)),
    );

    // FP16 has no typed contents.
    if (inputs.some(({ datatype }) => datatype === 'FP16')) return;
    const typed: GrpcAnswer = await client.infer({
      model_name: model,
      inputs: inputs.map(({ data, ...header }) => {
        const values = header.datatype === 'BYTES' ? data.map((text) => Buffer.from(String(text))) : data;
        return { ...header, contents: { [CONTENTS[header.datatype] as string]: values } };
      }),
    });
    for (const { name: output, datatype, shape, contents } of typed.outputs) {
      const values = contents?.[CONTENTS[datatype] as string] ?? [];
      expectGolden(
        output,
        shape,
        values.map((value) => (Buffer.isBuffer(value) ? value.toString('utf8') : value)),
      );
    }
  });
});

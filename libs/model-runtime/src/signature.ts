import type { TensorSignature } from '@gyre/contracts';
import type { TensorInfo, TensorType } from './loaded-model.js';

/** Element types by their names in the Open Inference Protocol. */
export const datatypes = {
  bool: 'BOOL',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  float16: 'FP16',
  float32: 'FP32',
  float64: 'FP64',
  string: 'BYTES',
} as const satisfies Record<TensorType, string>;

/** An output likewise; where the rows of a batch are answered as they are alone it has one for each, whatever its file declares. */
export function outputSignature(info: TensorInfo, rowsIndependent: boolean): ReturnType<typeof signatureOf> {
  const { name, datatype, shape } = signatureOf(info);
  return { name, datatype, shape: rowsIndependent ? [-1, ...shape.slice(1)] : shape };
}

/** An input or output as a client of the protocol is told of it. */
export function signatureOf({
  name,
  type,
  shape,
}: TensorInfo): TensorSignature & { datatype: (typeof datatypes)[TensorType] } {
  return { name, datatype: datatypes[type], shape: shape.map((size) => (typeof size === 'number' ? size : -1)) };
}

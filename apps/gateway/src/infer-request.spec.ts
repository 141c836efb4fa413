import { asking } from './an-inference.js';
import { aSpec } from './a-model.js';
import { asked } from './infer-request.js';
import type { InferRequest, Tensor } from './oip.js';

const NOW = Date.parse('2026-11-22T14:05:00Z');

describe('a request', () => {
  const matrix = (height: number): Tensor => ({
    name: 'features',
    datatype: 'FP32',
    shape: [1, 2],
    values: [height, 0],
  });
  const names = (values: string[]): Tensor => ({ name: 'entity', datatype: 'BYTES', shape: [values.length], values });
  const broken: [string, Partial<InferRequest>, string][] = [
    [
      'no inputs',
      { inputs: [] },
      'the request brings no input; expected one input "features" of FP32 [N, 2] with the columns sea.height, sea.wind',
    ],
    [
      'a width',
      { inputs: [{ ...matrix(1), shape: [1, 3], values: [1, 2, 3] }] },
      'input "features" has shape [1, 3]; expected',
    ],
    [
      'no rows',
      { inputs: [{ ...matrix(1), shape: [0, 2], values: [] }] },
      'input "features" has shape [0, 2]; expected',
    ],
    [
      'text',
      { inputs: [{ ...matrix(1), datatype: 'BYTES', values: ['a', 'b'] }] },
      'input "features" is BYTES; expected',
    ],
    [
      'a name',
      { inputs: [{ name: 'moon', datatype: 'FP32', shape: [1], values: [1] }] },
      'there is no input "moon"; expected',
    ],
    [
      'a feature left out',
      { inputs: [{ name: 'wind', datatype: 'FP32', shape: [1], values: [1] }] },
      'no input for sea.height; expected',
    ],
    [
      'infinity',
      { inputs: [matrix(1e39)] },
      'the feature sea.height of row 0 is beyond float32; expected a finite number',
    ],
    [
      'a day that is none',
      { parameters: { time: '2026-02-30T14:05:00Z' } },
      'is "2026-02-30T14:05:00Z"; expected ISO 8601',
    ],
    ['a time without a zone', { parameters: { time: '2026-11-22T14:05:00' } }, 'expected ISO 8601 with a zone'],
    [
      'a time far ahead',
      { parameters: { time: '2026-11-22T14:11:00Z' } },
      "360000 ms ahead of this server's clock; expected at most 300000 ms",
    ],
    ['a long id', { id: 'x'.repeat(257) }, 'the request id has 257 characters; expected at most 256'],
    ['an empty entity', { parameters: { entity: '' } }, 'an entity has 1 to 512 characters'],
    [
      'entities that do not fit',
      { inputs: [matrix(1), { name: 'entity', datatype: 'BYTES', shape: [2], values: ['a', 'b'] }] },
      'names 2 entities for 1 rows',
    ],
    [
      'times that do not fit',
      { inputs: [names(['a', 'b']), { ...names(['2026-11-22T14:00:00Z']), name: 'time' }] },
      'input "time" has 1 times for 2 rows of entities; expected one for each',
    ],
    [
      'a broken time of one row',
      { inputs: [names(['a', 'b']), { ...names(['2026-11-22T14:00:00Z', 'noon']), name: 'time' }] },
      'input "time" is "noon"; expected ISO 8601',
    ],
  ];
  it.each(broken)('is refused for %s, with what was expected', (_, given, message) => {
    const request = asking({ inputs: [matrix(0.25)], ...given });
    expect(() => asked(request, aSpec().inputs, NOW, { maxSkewMs: 300_000, rowsMax: 50 })).toThrow(message);
  });
});

import type { InferAnswer } from '@gyre/gateway/protocol';
import { answersOf } from './inference-client.js';

describe('an answer of the gateway', () => {
  const answer = (over: Partial<InferAnswer>): InferAnswer => ({
    model: 'm',
    version: '',
    id: 'row-1',
    parameters: { prediction_id: 'a.b.c' },
    outputs: [
      { name: 'label', datatype: 'INT64', shape: [1], values: [1n] },
      { name: 'probabilities', datatype: 'FP32', shape: [1, 2], values: Float32Array.of(0.25, 0.75) },
    ],
    ...over,
  });

  it('is a version’s, or the fallback’s with its reason', () => {
    const champion = { prediction_id: 'a.b.c', version: '3', role: 'champion' };
    expect(answersOf(answer({ parameters: champion }), 'row-1', 1)).toEqual([
      { id: 'a.b.c', version: 3, fallback: null, output: [0.25, 0.75] },
    ]);
    const fallback = { prediction_id: 'a.b.c', role: 'fallback', fallback_reason: 'no-version' };
    expect(answersOf(answer({ parameters: fallback, version: '3' }), 'row-1', 1)).toMatchObject([
      { version: null, fallback: 'no-version' },
    ]);
  });

  it('to several rows has an id and scores for each', () => {
    const outputs: InferAnswer['outputs'] = [
      { name: 'value', datatype: 'FP32', shape: [2], values: Float32Array.of(1.5, 2.5) },
      { name: 'prediction_id', datatype: 'BYTES', shape: [2], values: ['a.0', 'a.1'] },
    ];
    expect(answersOf(answer({ parameters: { version: '3' }, outputs }), 'row-1', 2)).toEqual([
      { id: 'a.0', version: 3, fallback: null, output: [1.5] },
      { id: 'a.1', version: 3, fallback: null, output: [2.5] },
    ]);
  });

  it('without a prediction id or its numbers stops the replay', () => {
    expect(() => answersOf(answer({ parameters: {} }), 'row-1', 1)).toThrow(/row-1 has no prediction_id/);
    expect(() => answersOf(answer({}), 'row-1', 2)).toThrow(/row-1 has no prediction_id/);
    expect(() => answersOf(answer({ outputs: [] }), 'row-1', 1)).toThrow(/row-1 has neither probabilities nor value/);
  });
});

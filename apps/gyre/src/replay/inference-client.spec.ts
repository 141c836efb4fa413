import type { InferAnswer } from '@gyre/gateway/protocol';
import { answerOf } from './inference-client.js';

describe('an answer of the gateway', () => {
  const scores = Float32Array.of(0.25, 0.75);
  const answer = (over: Partial<InferAnswer>): InferAnswer => ({
    ...{ model: 'm', version: '', id: 'row-1', parameters: { prediction_id: 'a.b.c' } },
    outputs: [
      { name: 'label', datatype: 'INT64', shape: [1], values: [1n] },
      { name: 'probabilities', datatype: 'FP32', shape: [1, 2], values: scores },
    ],
    ...over,
  });

  it('is a version’s, or the fallback’s with its reason', () => {
    const champion = { prediction_id: 'a.b.c', version: '3', role: 'champion' };
    expect(answerOf(answer({ parameters: champion }), 'row-1')).toEqual({
      ...{ id: 'a.b.c', version: 3, fallback: null, output: [0.25, 0.75] },
    });
    const fallback = { prediction_id: 'a.b.c', role: 'fallback', fallback_reason: 'no-version' };
    expect(answerOf(answer({ parameters: fallback, version: '3' }), 'row-1')).toMatchObject({
      ...{ version: null, fallback: 'no-version' },
    });
  });

  it('without a prediction id or its numbers stops the replay', () => {
    expect(() => answerOf(answer({ parameters: {} }), 'row-1')).toThrow(/row-1 has no prediction_id/);
    expect(() => answerOf(answer({ outputs: [] }), 'row-1')).toThrow(/row-1 has neither probabilities nor value/);
  });
});

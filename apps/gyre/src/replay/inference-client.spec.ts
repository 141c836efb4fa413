import { answerOf } from './inference-client.js';

const outputs = [{ name: 'label' }, { name: 'probabilities', contents: { fp32_contents: [0.25, 0.75] } }];
const id = { prediction_id: { string_param: 'a.b.c' } };

describe('an answer of the gateway', () => {
  it('is a version’s, or the fallback’s with its reason', () => {
    const champion = { ...id, version: { string_param: '3' }, role: { string_param: 'champion' } };
    expect(answerOf({ parameters: champion, outputs }, 'row-1')).toEqual({
      ...{ id: 'a.b.c', version: 3, fallback: null, output: [0.25, 0.75] },
    });
    const fallback = { ...id, role: { string_param: 'fallback' }, fallback_reason: { string_param: 'no-version' } };
    expect(answerOf({ parameters: fallback, outputs, model_version: '3' }, 'row-1')).toMatchObject({
      ...{ version: null, fallback: 'no-version' },
    });
  });

  it('without a prediction id or its numbers stops the replay', () => {
    expect(() => answerOf({ outputs }, 'row-1')).toThrow(/row-1 has no prediction_id/);
    expect(() => answerOf({ parameters: id }, 'row-1')).toThrow(/row-1 has neither probabilities nor value/);
  });
});

import { parsePredictionId, predictionId, routingHash } from './prediction-id.js';

describe('a prediction id', () => {
  it('tells its parts, for every digit that a time may have', () => {
    for (let predictedAt = 1_700_000_000_000; predictedAt < 1_700_000_000_064; predictedAt++) {
      const parts = { routing: routingHash('model', `${predictedAt}`), predictedAt, unique: 'a.b' };
      expect(parsePredictionId(predictionId(parts))).toEqual(parts);
    }
  });

  it.each(['i', 'l', 'o', 'u', 'A', '-'])('has no digit %s', (digit) => {
    const id = predictionId({ routing: routingHash('model', 'a'), predictedAt: 1_700_000_000_000, unique: 'u' });
    expect(parsePredictionId(digit + id.slice(1))).toBeUndefined();
    expect(parsePredictionId(id.slice(0, 14) + digit + id.slice(15))).toBeUndefined();
  });
});

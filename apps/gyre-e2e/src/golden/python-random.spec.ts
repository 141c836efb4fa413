import { PythonRandom } from './python-random.js';

describe('draws as Python 3.11 makes them', () => {
  it.each([
    [0, 20, 6, [12, 13, 1, 8, 15, 6]],
    [3, 5_000, 4, [1949, 4854, 4458, 1068]],
    [
      2 ** 40 + 5,
      500,
      20,
      [258, 264, 137, 339, 474, 14, 271, 388, 418, 427, 402, 489, 465, 389, 456, 23, 84, 40, 407, 417],
    ],
  ])('random.Random(%d).sample(range(%d), %d)', (seed, bound, count, drawn) => {
    expect(new PythonRandom(seed).sample(bound, count)).toEqual(drawn);
  });
});

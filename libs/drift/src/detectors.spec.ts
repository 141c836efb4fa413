import { createDetector, detectors } from './detectors.js';

describe('detectors', () => {
  it.each(Object.keys(detectors))('makes %s by name, with its defaults or some options as data', (name) => {
    const { defaults } = detectors[name as keyof typeof detectors];
    const explicit = createDetector(name, JSON.parse(JSON.stringify(defaults)) as Record<string, unknown>);
    const implicit = createDetector(name);
    for (const value of [0, 1, 1, 0]) expect(explicit.update(value)).toBe(implicit.update(value));
    expect(explicit.state()).toEqual(implicit.state());
  });

  it('names the choices when a detector, an option or its type is unknown', () => {
    expect(() => createDetector('adwim')).toThrow(/one of adwin, .*kswin/);
    expect(() => createDetector('toString')).toThrow(RangeError);
    expect(() => createDetector('adwin', { dleta: 0.1 })).toThrow(/adwin takes delta, clock/);
    expect(() => createDetector('adwin', { delta: '0.1' })).toThrow(/delta is a number/);
    for (const [name, option] of [
      ['adwin', 'direction'],
      ['page-hinkley', 'mode'],
      ['cusum', 'mode'],
    ] as const) {
      expect(() => createDetector(name, { [option]: 'sideways' })).toThrow(/both, up or down/);
    }
  });
});

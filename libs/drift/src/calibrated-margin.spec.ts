import { calibratedMargin } from './calibrated-margin.js';
import { EDetector } from './e-detector.js';
import { Mulberry32 } from './mulberry32.js';

/** Alarms per value of streams of errors that do not change, each phase with a rate of its own. */
function alarmRate(rates: readonly number[], falseAlarms: number, margin: number): number {
  const random = new Mulberry32(77);
  const rows = 600 * rates.length;
  let alarms = 0;
  for (let stream = 0; stream < 60; stream += 1) {
    const detector = new EDetector({ falseAlarms, margin, phases: rates.length, direction: 'up' });
    for (let row = 0; row < rows; row += 1) {
      const phase = Math.floor(row / 20) % rates.length;
      if (detector.update(random.next() < rates[phase]! ? 1 : 0, phase) === 'drift') alarms += 1;
    }
  }
  return alarms / (60 * rows);
}
const errors = (rate: number) => Array.from({ length: 200 }, (_, i) => ((i * 7919) % 200 < rate * 200 ? 1 : 0));

describe('calibratedMargin', () => {
  it('is never below the default: that a few rows did not alarm proves nothing of a strict dial', () => {
    for (const falseAlarms of [1e-4, 5e-6, 1e-9])
      expect(calibratedMargin(errors(0.2), { falseAlarms, max: 1, levels: [0.2] })).toBeGreaterThanOrEqual(0.5);
  });

  it.each([
    ['few errors in each of twelve phases', Array.from({ length: 12 }, () => 0.02)],
    ['phases of which every second has nearly none', Array.from({ length: 24 }, (_, i) => (i % 2 === 0 ? 0.01 : 0.3))],
  ])('gives one at which %s alarm at most twice as often as the dial says', (_, levels) => {
    const sample = errors(levels.reduce((sum, level) => sum + level, 0) / levels.length);
    const margin = calibratedMargin(sample, { falseAlarms: 1e-5, max: 1, levels });
    expect(alarmRate(levels, 1e-5, margin)).toBeLessThanOrEqual(2e-5);
  });

  it('is the same each time, and refuses too small a sample', () => {
    const options = { falseAlarms: 1e-5, max: 1, levels: [0.1, 0.4] };
    expect(calibratedMargin(errors(0.25), options)).toBe(calibratedMargin(errors(0.25), options));
    expect(() => calibratedMargin([0, 1], options)).toThrow(RangeError);
  });
});

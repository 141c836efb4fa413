import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { periodOf } from './reference.js';

describe('periodOf', () => {
  it('finds the day, 48 half-hours, in the first 2,500 rows of the electricity market', () => {
    const file = new URL('../../../examples/data/elec2.csv.gz', import.meta.url);
    const [head = '', ...lines] = gunzipSync(readFileSync(file)).toString('utf8').split('\n', 2_501);
    const names = head.trim().split(',');
    // The time of day itself is a feature as well; without it the season shows in prices and demand.
    const columns = ['nswprice', 'nswdemand', 'vicprice', 'vicdemand', 'transfer'].map((name) => names.indexOf(name));
    const rows = lines.map((line) => columns.map((column) => Number(line.split(',')[column])));
    const features = Float32Array.from(rows.flat());
    expect(features.every(Number.isFinite)).toBe(true);
    const halfHour = 30 * 60_000;
    const times = rows.map((_, row) => row * halfHour);
    expect(periodOf({ times, features, width: columns.length })).toBe(48 * halfHour);
  });
});

import { number } from '../output.js';
import { harmless } from '../terminal.js';
import type { Histogram } from './histogram.js';
import { percent } from './judge.js';

const [WIDTH, HEIGHT, FOOT, TOP] = [440, 150, 20, 6];
const [BAR, NAMES] = [26, 120];

/** Text for HTML, and no control characters in it. */
export function escaped(text: string): string {
  return harmless(text).replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}

/** Both distributions as one inline SVG; colours come from the page's style. */
export function plot(histogram: Histogram, name: string): string {
  return histogram.edges === null
    ? bars(histogram, histogram.levels ?? [], name)
    : areas(histogram, histogram.edges, name);
}

/** The reference as a filled area of steps, the current sample as a line of steps over it. */
function areas({ reference, current }: Histogram, edges: readonly number[], name: string): string {
  const highest = Math.max(...reference, ...current, Number.MIN_VALUE);
  const x = (i: number) => ((WIDTH * i) / reference.length).toFixed(1);
  const y = (share: number) => (HEIGHT - FOOT - ((HEIGHT - FOOT - TOP) * share) / highest).toFixed(1);
  const steps = (shares: readonly number[]) =>
    shares.map((share, i) => `L${x(i)} ${y(share)}L${x(i + 1)} ${y(share)}`).join('');
  const floor = y(0);
  const marks = [0, 0.25, 0.5, 0.75, 1].map((at) => {
    const value = edges[0]! + at * (edges.at(-1)! - edges[0]!);
    const anchor = at === 0 ? 'start' : at === 1 ? 'end' : 'middle';
    return `<text x="${(at * WIDTH).toFixed(1)}" y="${HEIGHT - 5}" text-anchor="${anchor}">${number(value)}</text>`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Distribution of ${escaped(name)}, reference and current">
<path class="area reference" d="M0 ${floor}${steps(reference)}L${WIDTH} ${floor}Z"/>
<path class="line current" d="M0 ${floor}${steps(current)}L${WIDTH} ${floor}"/>
<path class="axis" d="M0 ${floor}H${WIDTH}"/>
${marks.join('')}</svg>`;
}

/** A pair of bars for each level. */
function bars({ reference, current }: Histogram, levels: readonly string[], name: string): string {
  const highest = Math.max(...reference, ...current, Number.MIN_VALUE);
  const room = WIDTH - NAMES - 64;
  const one = (side: string, share: number, y: number) =>
    `<rect class="${side}" x="${NAMES}" y="${y}" width="${((room * share) / highest).toFixed(1)}" height="9"/>
<text x="${(NAMES + 6 + (room * share) / highest).toFixed(1)}" y="${y + 8}">${percent(share)}</text>`;
  const rows = levels.map((level, i) => {
    const top = i * BAR + 3;
    const short = level.length > 18 ? `${level.slice(0, 17)}…` : level;
    return `<g><title>${escaped(level)}</title><text x="${NAMES - 8}" y="${top + 13}" text-anchor="end">${escaped(short)}</text>
${one('reference', reference[i]!, top)}${one('current', current[i]!, top + 10)}</g>`;
  });
  const height = levels.length * BAR + 4;
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Shares of the values of ${escaped(name)}, reference and current">${rows.join('')}</svg>`;
}

import uPlot from 'uplot';
import type { PerformanceMeasured } from '@gyre/contracts';
import { bandsOf, coloursOf, type Band } from '../view/bands.js';
import { count } from '../view/figures.js';
import type { Mark } from '../view/marks.js';
import type { ChartColours } from './chart-colours.js';

export type Axis = 'time' | 'labels';

/** What is drawn, as one piece: options that hold it need not be made again when it moves. */
export interface Drawn {
  windows: readonly PerformanceMeasured[];
  marks: readonly Mark[];
  metric: string;
  axis: Axis;
}

export interface ChartEvents {
  /** The window under the pointer, or null. */
  hovered(index: number | null): void;
  /** Where the marks stand, in CSS pixels from the left of the chart; those out of sight are null. */
  placed(marks: (number | null)[]): void;
  zoomed(zoomed: boolean): void;
}

const LANE = 18;
const FALLBACK_STRIPE = 6;
/** The lines of more marks than these stand back, so that they do not hide what they mark. */
const MARKS_CLEAR = 24;

/** x of each window's middle, and its value. */
export function chartData({ windows, metric, axis }: Drawn): uPlot.AlignedData {
  const xs = windows.map((w) => (axis === 'time' ? (w.from + w.to) / 2 : (w.fromLabel + w.toLabel) / 2));
  return [xs, windows.map((w) => w.metrics[metric] ?? null)];
}

/** From the first window's beginning to the last one's end. */
export function wholeRange({ windows, axis }: Drawn): [number, number] {
  const first = windows[0];
  const last = windows.at(-1);
  if (first === undefined || last === undefined) return [0, 1];
  return axis === 'time' ? [first.from, last.to] : [first.fromLabel, last.toLabel];
}

export function chartOptions(
  width: number,
  height: number,
  drawn: () => Drawn,
  colours: ChartColours,
  events: ChartEvents,
): uPlot.Options {
  const { axis, metric } = drawn();
  const axisStyle = {
    stroke: colours.faint,
    font: colours.font,
    grid: { stroke: colours.line, width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height,
    ms: 1,
    tzDate: (at) => uPlot.tzDate(new Date(at), 'Etc/UTC'),
    padding: [26, 22, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: axis === 'time', range: (_u, low, high) => (low === high ? [low - 1, high + 1] : [low, high]) },
      y: { range: (_u, low, high) => valueRange(low, high) },
    },
    axes: [
      {
        ...axisStyle,
        grid: { show: false },
        size: 30,
        space: 80,
        ...(axis === 'labels'
          ? { values: (_u: uPlot, values: number[]) => values.map(count) }
          : { values: TIME_LABELS }),
      },
      { ...axisStyle, size: 58, space: 42, values: (_u, values) => values.map((value) => axisValue(metric, value)) },
    ],
    series: [
      {},
      {
        stroke: colours.ink,
        width: 1.6,
        points: { show: drawn().windows.length < 40, size: 4, fill: colours.ink, stroke: colours.ink },
      },
    ],
    cursor: {
      y: false,
      drag: { x: true, y: false },
      points: { size: 8, fill: colours.surface, stroke: colours.ink, width: 2 },
    },
    hooks: {
      drawAxes: [(u) => drawBands(u, drawn(), colours)],
      draw: [
        (u) => {
          drawMarkLines(u, drawn(), colours);
          events.placed(placesOf(u, drawn()));
        },
      ],
      setCursor: [
        (u) => events.hovered(u.cursor.left === undefined || u.cursor.left < 0 ? null : (u.cursor.idx ?? null)),
      ],
      setScale: [
        (u, key) => {
          if (key !== 'x') return;
          const [low, high] = wholeRange(drawn());
          const { min = low, max = high } = u.scales['x'] as { min?: number; max?: number };
          events.zoomed(min > low || max < high);
        },
      ],
    },
  };
}

/** Months and days as people write them, in UTC. */
const TIME_LABELS: (string | number | null)[][] = [
  [31_536_000_000, '{YYYY}', null, null, null, null, null, null, 1],
  [2_419_200_000, '{MMM}', '\n{YYYY}', null, null, null, null, null, 1],
  [86_400_000, '{D} {MMM}', '\n{YYYY}', null, null, null, null, null, 1],
  [3_600_000, '{HH}:00', '\n{D} {MMM} {YYYY}', null, '\n{D} {MMM}', null, null, null, 1],
  [60_000, '{HH}:{mm}', '\n{D} {MMM} {YYYY}', null, '\n{D} {MMM}', null, null, null, 1],
  [1_000, '{HH}:{mm}:{ss}', '\n{D} {MMM} {YYYY}', null, '\n{D} {MMM}', null, null, null, 1],
];

function axisValue(metric: string, value: number): string {
  return metric === 'accuracy'
    ? `${Math.round(value * 1_000) / 10} %`
    : String(Number(value.toPrecision(6))).replace('-', '−');
}

/** With room below for the lane of versions, and never so narrow that noise looks like a cliff. */
function valueRange(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const spread = Math.max(high - low, Math.abs(high) * 0.04, 1e-6);
  const middle = (low + high) / 2;
  return [middle - spread * 0.5 - spread * 0.2, middle + spread * 0.5 + spread * 0.08];
}

function positions(axis: Axis): { from: (band: Band) => number; to: (band: Band) => number } {
  return axis === 'time'
    ? { from: (b) => b.from, to: (b) => b.to }
    : { from: (b) => b.fromLabel, to: (b) => b.toLabel };
}

function drawBands(u: uPlot, { windows, axis }: Drawn, colours: ChartColours): void {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  const bands = bandsOf(windows);
  const colourOf = coloursOf(bands);
  const { from, to } = positions(axis);
  const lane = LANE * ratio;
  const laneTop = bbox.top + bbox.height - lane;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'center';
  ctx.font = colours.font.replace('11px', `600 ${10.5 * ratio}px`);
  for (const band of bands) {
    const left = Math.round(u.valToPos(from(band), 'x', true));
    const right = Math.round(u.valToPos(to(band), 'x', true));
    if (right < bbox.left || left > bbox.left + bbox.width) continue;
    const colour = band.version === null ? colours.faint : (colours.bands[colourOf.get(band.version) ?? 0] as string);
    ctx.fillStyle = colour;
    ctx.globalAlpha = band.version === null ? colours.bandTint * 0.5 : colours.bandTint;
    ctx.fillRect(left, bbox.top, right - left, bbox.height - lane);
    ctx.globalAlpha = band.version === null ? 0.22 : 0.5;
    ctx.fillRect(left, laneTop, Math.max(1, right - left - ratio), lane);
    const text = band.version === null ? 'fallback' : `v${band.version}`;
    const seen = [Math.max(left, bbox.left), Math.min(right, bbox.left + bbox.width)] as const;
    if (ctx.measureText(text).width + FALLBACK_STRIPE * ratio > seen[1] - seen[0]) continue;
    ctx.globalAlpha = 1;
    ctx.fillStyle = colours.ink;
    ctx.fillText(text, (seen[0] + seen[1]) / 2, laneTop + lane / 2 + ratio * 0.5);
  }
  ctx.restore();
}

const MARK_COLOURS: Record<Mark['kind'], keyof ChartColours> = {
  drift: 'drift',
  drop: 'drift',
  promoted: 'promoted',
  rolledBack: 'rolledBack',
};

function drawMarkLines(u: uPlot, { marks, axis }: Drawn, colours: ChartColours): void {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.lineWidth = ratio;
  for (const mark of marks) {
    const x = Math.round(u.valToPos(axis === 'time' ? mark.at : mark.label, 'x', true)) + 0.5;
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = colours[MARK_COLOURS[mark.kind]] as string;
    ctx.setLineDash(mark.kind === 'drift' || mark.kind === 'drop' ? [3 * ratio, 3 * ratio] : []);
    ctx.globalAlpha = marks.length > MARKS_CLEAR ? 0.35 : 0.75;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top - 6 * ratio);
    ctx.lineTo(x, bbox.top + bbox.height - LANE * ratio);
    ctx.stroke();
  }
  ctx.restore();
}

function placesOf(u: uPlot, { marks, axis }: Drawn): (number | null)[] {
  const ratio = devicePixelRatio;
  const left = u.bbox.left / ratio;
  const width = u.bbox.width / ratio;
  return marks.map((mark) => {
    const x = u.valToPos(axis === 'time' ? mark.at : mark.label, 'x');
    return x < -1 || x > width + 1 ? null : left + x;
  });
}

import { useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent } from 'react';
import uPlot from 'uplot';
import type { Mark } from '../view/marks.js';
import { chartColours, useScheme } from './chart-colours.js';
import { chartData, chartOptions, wholeRange, type Drawn } from './chart-drawing.js';
import { Glyph } from './icons.js';

interface Props extends Drawn {
  label: string;
  /** The window that is read out, and what is read. */
  at: number;
  words: string;
  onHover: (index: number | null) => void;
  onZoom: (zoomed: boolean) => void;
  onMark: (mark: Mark) => void;
  onMarkHover: (mark: Mark | null) => void;
  /** Rises when the whole is to be shown again. */
  resets: number;
}

const HEIGHT = 312;
const MARK_SIZE = 11;
/** Windows that a key goes on by. */
const STEPS: Record<string, number> = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -10,
  PageUp: 10,
  Home: -Infinity,
  End: Infinity,
};

/** The line of performance over bands of versions, with marks above it that lead to their decisions. */
export function PerformanceChart(props: Props) {
  const { windows, marks, metric, axis, label, at, words, onHover, onZoom, onMark, onMarkHover, resets } = props;
  const scheme = useScheme();
  const holder = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(null);
  const drawn = useRef<Drawn>(props);
  const zoomedNow = useRef(false);
  const callbacks = useRef({ onHover, onZoom });
  const [places, setPlaces] = useState<(number | null)[]>([]);

  useLayoutEffect(() => {
    drawn.current = { windows, marks, metric, axis };
    callbacks.current = { onHover, onZoom };
  });

  // Made anew for another metric, axis or colour scheme, not for new numbers.
  useEffect(() => {
    const element = holder.current as HTMLDivElement;
    const options = chartOptions(element.clientWidth, HEIGHT, () => drawn.current, chartColours(), {
      hovered: (index) => callbacks.current.onHover(index),
      placed: (where) => setPlaces((before) => (same(before, where) ? before : where)),
      zoomed: (zoomed) => {
        zoomedNow.current = zoomed;
        callbacks.current.onZoom(zoomed);
      },
    });
    const made = new uPlot(options, chartData(drawn.current), element);
    chart.current = made;
    showWhole(made, drawn.current);
    made.over.addEventListener('dblclick', () => showWhole(made, drawn.current));
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0 && element.clientWidth !== made.width)
        made.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [metric, axis, scheme]);

  useEffect(() => {
    const made = chart.current;
    if (made === null) return;
    drawn.current = { windows, marks, metric, axis };
    made.setData(chartData(drawn.current), false);
    if (zoomedNow.current) made.redraw();
    else showWhole(made, drawn.current);
  }, [windows, marks, metric, axis]);

  useEffect(() => {
    if (chart.current !== null) showWhole(chart.current, drawn.current);
  }, [resets]);

  const step = (event: KeyboardEvent) => {
    const made = chart.current;
    const by = STEPS[event.key];
    if (made === null || by === undefined) return;
    event.preventDefault();
    const index = Math.min(windows.length - 1, Math.max(0, at + by));
    made.setCursor({ left: made.valToPos(made.data[0][index] as number, 'x'), top: 10 }, true);
    // By hand: the cursor says nothing of a window that a zoom has put out of sight.
    onHover(index);
  };

  return (
    <div className="chart">
      <div className="mark-lane">
        {marks.map((mark, i) => {
          const left = places[i];
          if (left === null || left === undefined) return null;
          return (
            <button
              key={`${mark.kind}-${mark.offset}`}
              type="button"
              className={`mark-button ${mark.kind}`}
              style={{ left: `${left}px` }}
              aria-label={mark.text}
              onClick={() => onMark(mark)}
              onPointerEnter={() => onMarkHover(mark)}
              onPointerLeave={() => onMarkHover(null)}
              onFocus={() => onMarkHover(mark)}
              onBlur={() => onMarkHover(null)}
            >
              <Glyph icon={mark.kind} size={MARK_SIZE} />
            </button>
          );
        })}
      </div>
      <div
        ref={holder}
        className="plot"
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-valuemin={1}
        aria-valuemax={windows.length}
        aria-valuenow={at + 1}
        aria-valuetext={words}
        onKeyDown={step}
        onBlur={() => onHover(null)}
      />
    </div>
  );
}

function showWhole(chart: uPlot, drawn: Drawn): void {
  const [min, max] = wholeRange(drawn);
  chart.batch(() => {
    chart.setScale('x', { min, max });
  });
}

function same(a: readonly (number | null)[], b: readonly (number | null)[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

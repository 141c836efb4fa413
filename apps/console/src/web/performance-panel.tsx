import { useMemo, useState } from 'react';
import type { Performance, PerformanceMeasured, TimelineEntry } from '@gyre/contracts';
import { answeredBy, answersOf } from '../view/answers.js';
import { count, metricName, metricValue, moment, span } from '../view/figures.js';
import { marksOf, type Mark } from '../view/marks.js';
import type { Axis } from './chart-drawing.js';
import { Glyph } from './icons.js';
import { PerformanceChart } from './performance-chart.js';

interface Props {
  performance: Performance | null;
  /** The decisions that may be marked. */
  entries: readonly TimelineEntry[];
  bootstrapLabels: number | null;
  /** A mark was chosen: its decision's offset. */
  onMark: (offset: number) => void;
}

export function PerformancePanel({ performance, entries, bootstrapLabels, onMark }: Props) {
  const windows = useMemo(() => performance?.windows ?? [], [performance]);
  const metrics = useMemo(() => namesOf(windows, performance?.metric), [windows, performance?.metric]);
  const marks = useMemo(() => marksOf(entries, windows), [entries, windows]);
  const [chosen, setChosen] = useState<string | null>(null);
  const [axis, setAxis] = useState<Axis>('time');
  const [hovered, setHovered] = useState<number | null>(null);
  const [mark, setMark] = useState<Mark | null>(null);
  const [zoomed, setZoomed] = useState(false);
  const [resets, setResets] = useState(0);
  const metric = chosen ?? performance?.metric ?? 'accuracy';
  const timeless = windows.length > 0 && (windows[0]?.from ?? 0) >= (windows.at(-1)?.to ?? 0);
  const shownAxis = timeless ? 'labels' : axis;
  const at = Math.min(hovered ?? windows.length - 1, windows.length - 1);
  const read = windows[at];

  return (
    <section className="panel performance" aria-labelledby="performance">
      <header>
        <h2 id="performance">Performance</h2>
        {windows.length > 0 && (
          <>
            <div className="segments" role="group" aria-label="Metric">
              {metrics.map((name) => (
                <button key={name} type="button" aria-pressed={name === metric} onClick={() => setChosen(name)}>
                  {metricName(name)}
                </button>
              ))}
            </div>
            <span className="gap" />
            {zoomed && (
              <button type="button" className="quiet-button" onClick={() => setResets(resets + 1)}>
                Show all
              </button>
            )}
            {!timeless && (
              <div className="segments" role="group" aria-label="Horizontal axis">
                <button type="button" aria-pressed={axis === 'time'} onClick={() => setAxis('time')}>
                  Time
                </button>
                <button type="button" aria-pressed={axis === 'labels'} onClick={() => setAxis('labels')}>
                  Labels
                </button>
              </div>
            )}
          </>
        )}
      </header>
      {windows.length === 0 ? (
        <NoWindow labels={performance?.labels ?? 0} wanted={bootstrapLabels} read={performance !== null} />
      ) : (
        <>
          <ReadOut window={read ?? null} newest={hovered === null} metrics={metrics} metric={metric} mark={mark} />
          <PerformanceChart
            windows={windows}
            marks={marks}
            metric={metric}
            axis={shownAxis}
            label={`${metricName(metric)}, window by window`}
            at={at}
            words={read === undefined ? '' : spoken(read, metric)}
            onHover={setHovered}
            onZoom={setZoomed}
            onMark={({ offset }) => onMark(offset)}
            onMarkHover={setMark}
            resets={resets}
          />
          <Key marks={marks} />
        </>
      )}
    </section>
  );
}

function ReadOut({
  window,
  newest,
  metrics,
  metric,
  mark,
}: {
  window: PerformanceMeasured | null;
  newest: boolean;
  metrics: readonly string[];
  metric: string;
  mark: Mark | null;
}) {
  if (mark !== null) {
    return (
      <p className="read-out">
        <b>{mark.text}</b>
        <span>{moment(mark.at)}</span>
        <span>label {count(mark.label)}</span>
      </p>
    );
  }
  if (window === null) return <p className="read-out" />;
  // Where several versions answered, each one's figure takes the room; a kappa of all of them says little.
  const further = answersOf(window).length === 1 ? 2 : 0;
  return (
    <p className="read-out">
      <b>
        {metricName(metric)} {metricValue(metric, window.metrics[metric])}
      </b>
      <span>{answeredBy(window, metric)}</span>
      <span>
        {newest ? 'newest, ' : ''}
        {span(window.from, window.to)}
      </span>
      <span className="wide">
        labels {count(window.fromLabel + 1)}–{count(window.toLabel)}
      </span>
      {metrics
        .filter((name) => name !== metric)
        .slice(0, further)
        .map((name) => (
          <span className="wide" key={name}>
            {metricName(name)} {metricValue(name, window.metrics[name])}
          </span>
        ))}
    </p>
  );
}

/** A window as a screen reader says it. */
function spoken(window: PerformanceMeasured, metric: string): string {
  return `${metricName(metric)} ${metricValue(metric, window.metrics[metric])}, ${answeredBy(window, metric)}, ${span(window.from, window.to)}`;
}

const KEY: { kind: Mark['kind']; name: string }[] = [
  { kind: 'drift', name: 'error drifted' },
  { kind: 'drop', name: 'performance dropped' },
  { kind: 'promoted', name: 'promoted' },
  { kind: 'rolledBack', name: 'rolled back' },
];

function Key({ marks }: { marks: readonly Mark[] }) {
  return (
    <p className="chart-key">
      {KEY.map(({ kind, name }) => {
        const times = marks.filter((mark) => mark.kind === kind).length;
        return times === 0 ? null : (
          <span key={kind} className={kind}>
            <Glyph icon={kind} size={10} />
            {count(times)} {name}
          </span>
        );
      })}
      <span className="hint">The line is of all answers; bands show which version gave them. Drag to zoom.</span>
    </p>
  );
}

function NoWindow({ labels, wanted, read }: { labels: number; wanted: number | null; read: boolean }) {
  if (!read) return <p className="nothing tall">Reading …</p>;
  return (
    <div className="nothing tall">
      <p>
        {labels === 0
          ? 'No label has come back yet.'
          : `${count(labels)} labels have come back; the first window is not full yet.`}
      </p>
      <p>
        Send what happened with <code>gyre feedback</code> or as label events to <code>POST /v1/events</code>.
      </p>
      {wanted !== null && (
        <p className="progress">
          <progress max={wanted} value={Math.min(labels, wanted)} aria-label="Labels until the first training" />
          <span>
            {count(Math.min(labels, wanted))} of {count(wanted)} labels until the first training
          </span>
        </p>
      )}
    </div>
  );
}

/** The metrics that any window has, the main one first. */
function namesOf(windows: readonly PerformanceMeasured[], main: string | undefined): string[] {
  const names = new Set<string>(main === undefined ? [] : [main]);
  for (const window of windows) for (const name of Object.keys(window.metrics)) names.add(name);
  return [...names];
}

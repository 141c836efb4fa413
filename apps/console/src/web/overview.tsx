import { useMemo } from 'react';
import { bandsOf, coloursOf } from '../view/bands.js';
import { metricName, metricValue, moment } from '../view/figures.js';
import { headlineOf, servingSince, standingOf } from '../view/headline.js';
import { EMPTY_MODEL, type LiveState } from '../view/live-state.js';
import type { ModelStatus, Performance } from '@gyre/contracts';
import { linesOf } from '../view/timeline.js';
import { Seal } from './icons.js';
import { modelPath } from './routes.js';
import { follow } from './top-bar.js';

export function Overview({ state }: { state: LiveState }) {
  const models = state.models ?? [];
  return (
    <section className="overview">
      <h1>{models.length} models</h1>
      <ul>
        {models.map((status) => (
          <Row key={status.model} state={state} status={status} />
        ))}
      </ul>
    </section>
  );
}

function Row({ state, status }: { state: LiveState; status: ModelStatus }) {
  const view = state.byModel[status.model] ?? EMPTY_MODEL;
  const spec = state.specs?.models.find(({ name }) => name === status.model);
  const headline = headlineOf({
    status,
    entries: view.entries,
    versions: view.versions ?? [],
    performance: view.performance,
    bootstrapLabels: spec?.retraining.bootstrapLabels ?? null,
  });
  const latest = linesOf(view.entries?.slice(0, 20) ?? [], 'key')[0]?.sentence;
  const since = servingSince(status.champion, view.entries ?? [], view.versions ?? []);
  const newest = view.performance === null ? null : standingOf(status, view.performance, since).newest;
  return (
    <li>
      <a href={modelPath(status.model)} onClick={follow(modelPath(status.model))}>
        <Seal tone={headline.tone} />
        <span className="name">
          <b>{status.model}</b>
          <span>
            {headline.serves}
            {headline.verdict !== null && `, ${headline.verdict}`}
          </span>
        </span>
        <span className="trend">{view.performance !== null && <Sparkline performance={view.performance} />}</span>
        <span className="figure">
          <b>{view.performance === null ? '–' : metricValue(view.performance.metric, newest)}</b>
          <span>{metricName(view.performance?.metric ?? (status.type === 'regression' ? 'mae' : 'accuracy'))}</span>
        </span>
        <span className="latest">
          {status.latest === null ? (
            'No decision yet'
          ) : (
            <>
              {latest === undefined ? status.latest.reason : latest.text}
              <time dateTime={new Date(status.latest.occurredAt).toISOString()}>
                {moment(status.latest.occurredAt)}
              </time>
            </>
          )}
        </span>
      </a>
    </li>
  );
}

const WIDTH = 240;
const HEIGHT = 44;
const SHOWN = 120;

function Sparkline({ performance }: { performance: Performance }) {
  const drawn = useMemo(() => {
    const windows = performance.windows.slice(-SHOWN);
    const first = windows[0];
    const last = windows.at(-1);
    if (first === undefined || last === undefined) return null;
    const values = windows.map((window) => window.metrics[performance.metric] ?? null);
    const real = values.filter((value) => value !== null);
    const low = Math.min(...real);
    const high = Math.max(...real);
    const x = (label: number) => ((label - first.fromLabel) / Math.max(1, last.toLabel - first.fromLabel)) * WIDTH;
    const y = (value: number) => HEIGHT - 5 - ((value - low) / (high - low || 1)) * (HEIGHT - 10);
    const points = windows.flatMap((window, i) =>
      values[i] === null
        ? []
        : [`${x((window.fromLabel + window.toLabel) / 2).toFixed(1)},${y(values[i] as number).toFixed(1)}`],
    );
    const bands = bandsOf(windows);
    const colours = coloursOf(bands);
    return {
      points: points.join(' '),
      bands: bands.map((band) => ({
        x: x(band.fromLabel),
        width: x(band.toLabel) - x(band.fromLabel),
        colour: band.version === null ? 'none' : (colours.get(band.version) ?? 0),
        key: band.fromLabel,
      })),
    };
  }, [performance]);
  if (drawn === null) return null;
  return (
    <svg
      className="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${metricName(performance.metric)} over time`}
    >
      {drawn.bands.map((band) => (
        <rect
          key={band.key}
          className={`band-${band.colour}`}
          x={band.x}
          width={Math.max(0, band.width)}
          y={0}
          height={HEIGHT}
        />
      ))}
      <polyline points={drawn.points} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}

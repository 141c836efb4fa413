import { useMemo, useState } from 'react';
import type { ModelStatus } from '@gyre/contracts';
import { count, metricName, metricValue, percent } from '../view/figures.js';
import { headlineOf, servingSince, standingOf } from '../view/headline.js';
import { EMPTY_MODEL, type LiveState } from '../view/live-state.js';
import { markedOf } from '../view/marks.js';
import { Seal } from './icons.js';
import { IncidentsPanel } from './incidents-panel.js';
import { LabelsPanel } from './labels-panel.js';
import { PerformancePanel } from './performance-panel.js';
import { RolloutPanel } from './rollout-panel.js';
import type { LiveStore } from './store.js';
import { Timeline } from './timeline.js';
import { VersionsTable } from './versions-table.js';

const KINDS = { binary: 'binary classifier', multiclass: 'multi-class classifier', regression: 'regression' };
const PHASES = {
  waiting: 'waiting for labels',
  serving: 'serving',
  shadow: 'challengers in shadow',
  canary: 'a canary answers a share',
  bake: 'new champion bakes',
};

export function ModelPage({ store, state, status }: { store: LiveStore; state: LiveState; status: ModelStatus }) {
  const view = state.byModel[status.model] ?? EMPTY_MODEL;
  const spec = state.specs?.models.find(({ name }) => name === status.model) ?? null;
  const { marked, entries } = view;
  const toMark = useMemo(() => markedOf({ marked, entries }), [marked, entries]);
  const versions = view.versions ?? [];
  const [focused, setFocused] = useState<number | null>(null);
  return (
    <div className="model-page">
      <Head
        status={status}
        view={view}
        versions={versions}
        bootstrapLabels={spec?.retraining.bootstrapLabels ?? null}
      />
      <div className="columns">
        <div className="column">
          <PerformancePanel
            performance={view.performance}
            entries={toMark}
            bootstrapLabels={spec?.retraining.bootstrapLabels ?? null}
            onMark={setFocused}
          />
          <IncidentsPanel entries={view.entries} />
          <div className="pair">
            <RolloutPanel status={status} entries={view.entries} approval={spec?.rollout.approval ?? 'automatic'} />
            <LabelsPanel labels={view.labels} />
          </div>
          <VersionsTable versions={view.versions} performance={view.performance} />
        </div>
        <Timeline
          model={status.model}
          store={store}
          entries={view.entries}
          complete={view.complete}
          focused={focused}
        />
      </div>
      <p className="footnote">All times are event times, in UTC.</p>
    </div>
  );
}

type View = typeof EMPTY_MODEL;

function Head(props: {
  status: ModelStatus;
  view: View;
  versions: NonNullable<View['versions']>;
  bootstrapLabels: number | null;
}) {
  const { status, view, versions, bootstrapLabels } = props;
  const { performance, labels, entries } = view;
  const headline = headlineOf({ status, entries, versions, performance, bootstrapLabels });
  const standing =
    performance === null
      ? null
      : standingOf(status, performance, servingSince(status.champion, entries ?? [], versions));
  const metric = performance?.metric ?? (status.type === 'regression' ? 'mae' : 'accuracy');
  return (
    <section className="head" aria-label="State of the model">
      <div className="statement">
        <p className="eyebrow">
          <b>{status.model}</b>
          <span>{KINDS[status.type]}</span>
          <span>{PHASES[status.phase]}</span>
        </p>
        <h1 className={`tone-${headline.tone}`}>
          <Seal tone={headline.tone} size={26} />
          <span>
            {headline.serves}
            {headline.verdict !== null && (
              <>
                , <em>{headline.verdict}</em>
              </>
            )}
          </span>
        </h1>
        <p className="because">{headline.because}</p>
        {headline.command !== null && (
          <pre className="command">
            <code>{headline.command}</code>
          </pre>
        )}
      </div>
      <dl className="figures">
        <Figure
          name={metricName(metric)}
          value={metricValue(metric, standing?.newest)}
          note={
            standing === null || standing.newestLabels === 0
              ? 'no window yet'
              : `its newest ${count(standing.newestLabels)} labels`
          }
        />
        <Figure
          name="Since it took over"
          value={metricValue(metric, standing?.tenure)}
          note={
            standing === null || standing.tenureLabels === 0
              ? status.champion === null
                ? 'no version yet'
                : 'no window yet'
              : `${count(standing.tenureLabels)} labels`
          }
        />
        <Figure
          name="Label coverage"
          value={labels?.coverage === null || labels === null ? '–' : percent(labels.coverage)}
          note={performance === null ? 'reading …' : `${count(performance.labels)} labels in all`}
        />
        <Figure
          name="Promotions"
          value={count(status.promotions)}
          note={status.rollbacks === 0 ? 'none rolled back' : `${count(status.rollbacks)} rolled back`}
        />
      </dl>
    </section>
  );
}

function Figure({ name, value, note }: { name: string; value: string; note: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <b>{value}</b>
        <span>{note}</span>
      </dd>
    </div>
  );
}

import { useMemo } from 'react';
import type { ModelStatus, TimelineEntry } from '@gyre/contracts';
import { rolloutOf } from '../view/rollout.js';
import { ruleOf } from '../view/sentences.js';
import { IntervalPlot } from './interval-plot.js';

const VERDICTS = { better: 'better', notWorse: 'not worse', worse: 'worse', inconclusive: 'undecided' };
const OUTCOMES = {
  promoted: 'promoted',
  rolledBack: 'rolled back',
  decided: 'all decided',
  continued: 'goes on',
};

export function RolloutPanel({
  status,
  entries,
  approval,
}: {
  status: ModelStatus;
  entries: readonly TimelineEntry[] | null;
  approval: 'automatic' | 'manual';
}) {
  const rollout = useMemo(() => rolloutOf(entries ?? [], status.rollout), [entries, status.rollout]);
  if (rollout === null) {
    return (
      <section className="panel rollout" aria-labelledby="rollout">
        <header>
          <h2 id="rollout">Rollout</h2>
          <p>{entries === null ? 'reading …' : 'none yet'}</p>
        </header>
        <p className="nothing">
          When a version passes its gates it answers in shadow, beside the champion, on the same requests. It is
          promoted once the interval of the difference in loss lies clear of zero.
        </p>
      </section>
    );
  }
  const { incumbent, ended, comparisons } = rollout;
  const running = status.rollout !== null && ended === null;
  const baking = comparisons.every(({ role }) => role === 'previous');
  const [first] = comparisons;
  return (
    <section className="panel rollout" aria-labelledby="rollout">
      <header>
        <h2 id="rollout">{running ? (baking ? 'Bake' : 'Rollout') : 'Last rollout'}</h2>
        <p>
          {running
            ? `version ${incumbent} serves, ${comparisons.length === 1 ? 'one' : comparisons.length} in shadow`
            : ended === null
              ? ''
              : OUTCOMES[ended.outcome]}
        </p>
      </header>
      {comparisons.map(({ version, role, verdict, evidence }) => (
        <div className="comparison" key={version}>
          <p>
            <b>v{version}</b>
            {role === 'previous' ? '(the previous champion) against' : 'against'}
            <b>v{incumbent}</b>
            <span className={`verdict ${verdict ?? 'open'}`}>
              {verdict === null ? (running ? 'collecting pairs' : 'not decided') : VERDICTS[verdict]}
            </span>
          </p>
          {evidence === null ? (
            <div className="interval-pending">{running && <span className="moving" aria-hidden="true" />}</div>
          ) : (
            <IntervalPlot evidence={evidence} challenger={`v${version}`} incumbent={`v${incumbent}`} />
          )}
        </div>
      ))}
      {first !== undefined && (
        <p className="aside">
          Mean of the incumbent's clipped loss minus the challenger's, on the same requests. Rule: {ruleOf(first)}
          {approval === 'manual' ? '; a promotion waits for a person' : ''}.
        </p>
      )}
    </section>
  );
}

import type { Candidate, Gate, Lifecycle } from '@gyre/contracts';
import { count, decimal, metricName, metricValue, NONE } from '../view/figures.js';
import { evidenceOf, factsOf, gatesOf } from '../view/sentences.js';
import { IntervalPlot } from './interval-plot.js';

export function hasEvidence(event: Lifecycle): boolean {
  return factsOf(event).length > 0 || evidenceOf(event) !== null || gatesOf(event).length > 0;
}

/** All the numbers behind one decision. */
export function Evidence({ event }: { event: Lifecycle }) {
  const paired = evidenceOf(event);
  const gates = gatesOf(event);
  const [challenger, incumbent] = sides(event);
  return (
    <div className="evidence">
      {paired !== null && <IntervalPlot evidence={paired} challenger={challenger} incumbent={incumbent} />}
      {gates.length > 0 && <GatesTable gates={gates} />}
      {event.type === 'TrainingFinished' && event.candidates.length > 0 && <Candidates candidates={event.candidates} />}
      {event.type === 'TrainingFinished' && event.failure !== null && <p>{event.failure}</p>}
      {event.type !== 'TrainingFinished' && (
        <dl className="facts">
          {factsOf(event).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  );
}

/** Whose loss the difference is, and from whose it is taken. */
function sides(event: Lifecycle): [string, string] {
  if (event.type === 'ComparisonDecided') return [`v${event.challenger}`, `v${event.incumbent}`];
  if (event.type === 'Promoted' || event.type === 'RolledBack')
    return [`v${event.version}`, event.from === null ? 'the fallback' : `v${event.from}`];
  if (event.type === 'CanaryStarted' || event.type === 'CanaryEnded')
    return [`v${event.version}`, `v${event.incumbent}`];
  if (event.type === 'PromotionHeld') return [`v${event.version}`, 'champion'];
  return ['challenger', 'incumbent'];
}

export function GatesTable({ gates }: { gates: readonly Gate[] }) {
  return (
    <table className="gates">
      <thead>
        <tr>
          <th scope="col">Gate</th>
          <th scope="col" className="number">
            Value
          </th>
          <th scope="col" className="number">
            Limit
          </th>
        </tr>
      </thead>
      <tbody>
        {gates.map((gate) => (
          <tr key={gate.name} className={gate.passed ? 'passed' : 'failed'}>
            <th scope="row">
              <span className="outcome">{gate.passed ? 'passed' : 'failed'}</span> {gate.name}
              <span className="detail">{gate.detail}</span>
            </th>
            <td className="number">{gate.value === null ? NONE : decimal(gate.value)}</td>
            <td className="number">{gate.limit === null ? NONE : decimal(gate.limit)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Candidates({ candidates }: { candidates: readonly Candidate[] }) {
  const metric = candidates.some(({ metrics }) => metrics['accuracy'] !== undefined) ? 'accuracy' : 'mae';
  return (
    <table className="candidates">
      <thead>
        <tr>
          <th scope="col">Candidate</th>
          <th scope="col" className="number">
            Rows
          </th>
          <th scope="col" className="number">
            {metricName(metric)}
          </th>
          <th scope="col" className="number">
            Loss
          </th>
        </tr>
      </thead>
      <tbody>
        {candidates.map((candidate) => (
          <tr key={candidate.onnx + candidate.name}>
            <th scope="row">{candidate.name}</th>
            <td className="number">{count(candidate.trainingRows)}</td>
            <td className="number">{metricValue(metric, candidate.metrics[metric])}</td>
            <td className="number">{metricValue('loss', candidate.metrics['loss'])}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

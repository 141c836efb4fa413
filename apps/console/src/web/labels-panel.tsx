import type { LabelCounts } from '@gyre/contracts';
import { count, NONE, percent } from '../view/figures.js';

const KINDS: { key: keyof LabelCounts['counts'] | 'waiting'; name: string; meaning: string }[] = [
  { key: 'joined', name: 'In time', meaning: 'feed detectors and training' },
  { key: 'late', name: 'Late', meaning: 'came after the horizon: training only' },
  { key: 'waiting', name: 'Waiting', meaning: 'predictions within the horizon' },
  { key: 'expired', name: 'Not in time', meaning: 'no label within the horizon, or a late one' },
];

export function LabelsPanel({ labels }: { labels: LabelCounts | null }) {
  const value = (key: (typeof KINDS)[number]['key']) =>
    labels === null ? 0 : key === 'waiting' ? labels.waiting : (labels.counts[key] ?? 0);
  const total = KINDS.reduce((sum, { key }) => sum + value(key), 0);
  return (
    <section className="panel labels" aria-labelledby="labels">
      <header>
        <h2 id="labels">Labels</h2>
        <p>
          {labels === null ? (
            'reading …'
          ) : labels.coverage === null ? (
            'none is due yet'
          ) : (
            <>
              <b>{percent(labels.coverage)}</b> of what was due came in time
            </>
          )}
        </p>
      </header>
      <div className="share-bar" aria-hidden="true">
        {KINDS.map(({ key }) =>
          total === 0 || value(key) === 0 ? null : <span key={key} className={key} style={{ flexGrow: value(key) }} />,
        )}
      </div>
      <table>
        <tbody>
          {KINDS.map(({ key, name, meaning }) => (
            <tr key={key}>
              <th scope="row">
                <span className={`swatch ${key}`} aria-hidden="true" />
                {name}
              </th>
              <td className="meaning">{meaning}</td>
              <td className="number">{labels === null ? NONE : count(value(key))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="aside">
        {labels === null
          ? ''
          : `${count(labels.counts.corrected ?? 0)} corrected, ${count(labels.counts.repeated ?? 0)} repeated, ${count(labels.early)} early and waiting for their prediction`}
      </p>
    </section>
  );
}

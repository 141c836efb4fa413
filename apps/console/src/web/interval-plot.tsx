import type { PairedEvidence } from '@gyre/contracts';
import { count, signed } from '../view/figures.js';

/** A confidence interval against zero: wholly right of it the challenger is better, wholly left it is worse. */
export function IntervalPlot({
  evidence,
  challenger,
  incumbent,
}: {
  evidence: PairedEvidence;
  challenger: string;
  incumbent: string;
}) {
  const { mean, lower, upper, pairs, alpha } = evidence;
  const reach = Math.max(Math.abs(lower), Math.abs(upper), 1e-9) * 1.12;
  const at = (value: number): string => `${(50 + (value / reach) * 50).toFixed(2)}%`;
  const side = lower > 0 ? 'good' : upper < 0 ? 'bad' : 'quiet';
  const confidence = `${Number(((1 - alpha) * 100).toFixed(2))} %`;
  return (
    <figure
      className="interval"
      aria-label={`Loss of ${incumbent} minus loss of ${challenger}: ${signed(mean)}, between ${signed(lower)} and ${signed(upper)}`}
    >
      <div className="interval-plot" aria-hidden="true">
        <span className="axis" />
        <span className="zero" />
        <span
          className={`bar tone-${side}`}
          style={{ left: at(lower), width: `${(((upper - lower) / reach) * 50).toFixed(2)}%` }}
        />
        <span className={`mean tone-${side}`} style={{ left: at(mean) }} />
      </div>
      <div className="interval-ends" aria-hidden="true">
        <span>{challenger} worse</span>
        <span>0</span>
        <span>{challenger} better</span>
      </div>
      <figcaption>
        <b>{signed(mean)}</b>{' '}
        <span className="range">
          [{signed(lower)}, {signed(upper)}]
        </span>{' '}
        at {confidence}, {count(pairs)} pairs
      </figcaption>
    </figure>
  );
}

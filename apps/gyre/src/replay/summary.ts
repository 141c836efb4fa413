import type { DriftKind, LifecycleOf, TimelineEntry } from '@gyre/contracts';
import type { Reconciliation } from './reconciliation.js';
import type { SummaryMetrics, Tally, VersionShare } from './tally.js';

/** A drift event. */
export interface DriftNote {
  /** The row at which it was seen, counted from 0; null where the prediction was none of the replay's. */
  row: number | null;
  kind: DriftKind;
  detector: string;
  /** For covariate and quality: view.field. */
  feature: string | null;
  version: number | null;
  before: number | null;
  after: number | null;
}

/** What a replay ends with. */
export interface ReplaySummary {
  rows: number;
  seconds: number;
  /** Rows a step. */
  step: number;
  metrics: { whole: SummaryMetrics; afterFirst10Percent: SummaryMetrics };
  versions: VersionShare[];
  drift: DriftNote[];
  /** Training runs that have ended, those that failed among them. */
  runs: number;
  /** The first champion's among them. */
  promotions: number;
  rollbacks: number;
  /** Training declined, by code of the reason. */
  declines: Record<string, number>;
  /** Candidates that came into no version, by each gate that they did not pass. */
  refusals: Record<string, number>;
  /** Runs that ended without candidates, by the reason. */
  failures: Record<string, number>;
  reconciliation: Reconciliation;
}

/** @param timeline in any order */
export function summarise(
  run: { seconds: number; step: number },
  tally: Tally,
  timeline: readonly TimelineEntry[],
  reconciliation: Reconciliation,
): ReplaySummary {
  const events = [...timeline].sort((a, b) => a.offset - b.offset).map((entry) => entry.event);
  const counted = (type: TimelineEntry['type']) => events.filter((event) => event.type === type).length;
  const gatesFailed = events.flatMap((event) =>
    event.type === 'VersionRefused' ? event.gates.filter(({ passed }) => !passed).map(({ name }) => name) : [],
  );
  return {
    rows: tally.rows,
    seconds: Math.round(run.seconds * 100) / 100,
    step: run.step,
    metrics: { whole: tally.metrics(0), afterFirst10Percent: tally.metrics(Math.floor(tally.rows / 10)) },
    versions: tally.versions(),
    drift: events.filter((event) => event.type === 'DriftDetected').map(driftNote),
    runs: counted('TrainingFinished'),
    promotions: counted('Promoted'),
    rollbacks: counted('RolledBack'),
    declines: tallied(events.flatMap((event) => (event.type === 'TrainingDeclined' ? [event.code] : []))),
    refusals: tallied(gatesFailed),
    failures: tallied(events.flatMap((event) => (event.type === 'TrainingFinished' ? (event.failure ?? []) : []))),
    reconciliation,
  };
}

/** How often each stands there, in the order of the alphabet. */
function tallied(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of [...names].sort()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function driftNote({ at, kind, detector, feature, version, before, after }: LifecycleOf<'DriftDetected'>): DriftNote {
  const row = /^row-(\d+)$/.exec(at.request ?? '')?.[1];
  return { row: row === undefined ? null : Number(row), kind, detector, feature, version, before, after };
}

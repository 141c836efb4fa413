import type { DeadLetterEntry, LabelCounts } from '@gyre/contracts';

/**
 * Whether every row is accounted for: sent = predicted = joined + waiting + refused. What the client counted is held against what the
 * platform counted on its own.
 */
export interface Reconciliation {
  /** Rows sent, by the client. */
  sent: number;
  /** Rows answered with a prediction id, by the client. */
  predicted: number;
  /** Predictions that a label has reached, by the platform; late ones among them. */
  joined: number;
  /** Predictions without a label, by the platform; those whose horizon has ended among them. */
  waiting: number;
  /** Predictions whose label lies in the dead letters. */
  refused: number;
  /** Of `refused`, the first row and why; null where there is none. */
  firstRefused: { row: number; reason: string } | null;
  /** Rows whose request the gateway refused, by the code of the refusal; they have no prediction. */
  unpredicted: Record<string, number>;
  /** Of `joined`: after the horizon. */
  late: number;
  /** Of `waiting`: the horizon has ended. */
  expired: number;
  /** Labels that the platform keeps for predictions it has not seen: none, if nothing was lost. */
  early: number;
  /** Feature events in the dead letters: their rows were predicted without them. */
  refusedFeatures: number;
  /** All dead letters, by the group that gave up; those above among them. */
  deadLetters: Record<string, number>;
  balanced: boolean;
}

export interface Seen {
  /** The beginning of the replay's event ids. */
  base: string;
  sent: number;
  /** Requests that the gateway refused, by code. */
  unpredicted: Record<string, number>;
  labels: LabelCounts;
  deadLetters: readonly DeadLetterEntry[];
}

export function reconcile({ base, sent, unpredicted, labels, deadLetters }: Seen): Reconciliation {
  const predicted = sent - Object.values(unpredicted).reduce((sum, rows) => sum + rows, 0);
  const { late, expired } = labels.counts;
  const joined = labels.counts.joined + late;
  const refusedLabels = rowsNamed(base, 'l', deadLetters);
  const firstRow = [...refusedLabels.keys()].reduce((least, row) => Math.min(least, row), Infinity);
  const reason = refusedLabels.get(firstRow);
  // Whatever came late had expired before.
  const stillExpired = expired - late;
  const early = labels.early + labels.earlyUnnamed;
  return {
    sent,
    predicted,
    joined,
    waiting: labels.waiting + stillExpired - refusedLabels.size,
    refused: refusedLabels.size,
    firstRefused: reason === undefined ? null : { row: firstRow, reason },
    unpredicted,
    late,
    expired: stillExpired,
    early,
    refusedFeatures: rowsNamed(base, 'f', deadLetters).size,
    deadLetters: byGroup(deadLetters),
    balanced: sent === predicted && predicted === joined + labels.waiting + stillExpired && early === 0,
  };
}

function byGroup(deadLetters: readonly DeadLetterEntry[]): Record<string, number> {
  const groups = deadLetters.map(({ group }) => (group === '' ? 'at the entrance' : group)).sort();
  const counts: Record<string, number> = {};
  for (const group of groups) counts[group] = (counts[group] ?? 0) + 1;
  return counts;
}

/** Distinct rows whose events lie in the dead letters, whichever group refused them, and why. */
function rowsNamed(base: string, kind: 'f' | 'l', deadLetters: readonly DeadLetterEntry[]): Map<number, string> {
  const rows = new Map<number, string>();
  for (const { preview, reason } of deadLetters) {
    const at = preview.indexOf(`"${base}-${kind}-`);
    const row = at < 0 ? undefined : /^\d+/.exec(preview.slice(at + base.length + 4))?.[0];
    if (row !== undefined) rows.set(Number(row), reason);
  }
  return rows;
}

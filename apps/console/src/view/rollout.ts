import type { LifecycleOf, PairedEvidence, TimelineEntry } from '@gyre/contracts';

/** A version in shadow against the one that serves. */
export interface Comparison {
  version: number;
  /** A new challenger, one that answers a share as canary, or the previous champion that may be taken back. */
  role: 'challenger' | 'canary' | 'previous';
  rule: 'better' | 'notWorse';
  notWorseBy: number;
  alpha: number;
  pairsMax: number;
  verdict: LifecycleOf<'ComparisonDecided'>['verdict'] | null;
  /** null while nothing has been decided. */
  evidence: PairedEvidence | null;
}

/** The newest rollout: under way, or how the last one ended. */
export interface RolloutView {
  incumbent: number;
  ended: LifecycleOf<'RolloutEnded'> | null;
  comparisons: Comparison[];
}

/**
 * @param entries newest first
 * @param current the rollout under way, as the model's status names it; null shows the last one
 */
export function rolloutOf(entries: readonly TimelineEntry[], current: string | null): RolloutView | null {
  const all = entries.map(({ event }) => event);
  const starts = all.filter((event) => event.type === 'RolloutStarted');
  const started = starts.find(({ rollout }) => current === null || rollout === current);
  if (started === undefined) return null;
  const ended = all.filter((event) => event.type === 'RolloutEnded').find(({ rollout }) => rollout === started.rollout);

  // Evidence goes on under the new name where a rollout only changed its challengers.
  const names = new Set<string>();
  for (let start: typeof started | undefined = started; start !== undefined && !names.has(start.rollout);) {
    names.add(start.rollout);
    const before: string | null = start.continues;
    start = starts.find(({ rollout }) => rollout === before);
  }
  const decisions = all
    .filter((event) => event.type === 'ComparisonDecided')
    .filter(({ rollout }) => names.has(rollout));
  const comparisons = started.challengers.map((challenger) => {
    const decision = decisions.find(
      (event) => event.challenger === challenger.version && event.role === challenger.role,
    );
    return { ...challenger, verdict: decision?.verdict ?? null, evidence: decision?.evidence ?? null };
  });
  return { incumbent: started.incumbent, ended: ended ?? null, comparisons };
}

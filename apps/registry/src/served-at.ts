import type { Lifecycle, Served } from '@gyre/contracts';

/** What served at a moment, and why: the fold of the decisions up to it. Decisions are given oldest first, of one model. */
export function servedAt(decisions: Iterable<Lifecycle>, at: number): Served {
  let served: Served = { at, version: null, since: null, actor: null, reason: null, evidence: null };
  for (const decision of decisions) {
    if (decision.occurredAt > at) continue;
    if (decision.type !== 'Promoted' && decision.type !== 'RolledBack') continue;
    const { version, occurredAt: since, actor, reason, evidence } = decision;
    served = { at, version, since, actor, reason, evidence };
  }
  return served;
}

import type { Lifecycle, Served } from '@gyre/contracts';

/** What served at a moment, and why: the fold of the decisions up to it. Decisions are given oldest first, of one model. */
export async function servedAt(decisions: AsyncIterable<{ event: Lifecycle }>, at: number): Promise<Served> {
  let served: Served = { at, version: null, since: null, actor: null, reason: null, evidence: null };
  for await (const { event } of decisions) {
    if (event.occurredAt > at) continue;
    if (event.type !== 'Promoted' && event.type !== 'RolledBack') continue;
    const { version, occurredAt: since, actor, reason, evidence } = event;
    served = { at, version, since, actor, reason, evidence };
  }
  return served;
}

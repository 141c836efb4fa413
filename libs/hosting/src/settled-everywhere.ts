import { text } from 'node:stream/consumers';
import { GyreError } from '@gyre/contracts';
import type { Platform } from '@gyre/platform';
import type { Peers } from './peers.js';

/**
 * Waits until no process has anything to do any more. Each is asked to settle, all at a time, until two rounds have gone by in which nothing was
 * appended to the log: in the first nobody had anything left to publish, in the second everybody has read it.
 *
 * Of a service that runs in several processes one is asked.
 *
 * @param own settles this process
 * @param gone aborted when nobody waits for it any more
 * @throws GyreError NOT_READY if a process does not answer; CANCELLED
 */
export async function settledEverywhere(
  own: () => Promise<void>,
  peers: Peers,
  platform: Pick<Platform, 'lag'>,
  gone?: AbortSignal,
): Promise<void> {
  if (peers.processes.length === 0) return own();
  const ask = async (service: string): Promise<void> => {
    const headers = { 'content-type': 'application/json', ...peers.ownAuthorization() };
    const body = Buffer.from('{"alone":true}');
    const answer = await peers.call(service, { method: 'POST', path: '/v1/settle', headers, body, signal: gone });
    const said = await text(answer);
    if (answer.statusCode !== 200)
      throw new GyreError('NOT_READY', `${service} does not settle: it answers ${answer.statusCode} ${said}`);
  };
  let before = await ends(platform);
  for (let calm = 0; calm < 2;) {
    if (gone?.aborted === true) throw new GyreError('CANCELLED', 'nobody waits any more for everything to settle');
    await Promise.all([own(), ...peers.processes.map(ask)]);
    const after = await ends(platform);
    calm = after === before ? calm + 1 : 0;
    before = after;
  }
}

/** How far the log reaches, wherever a group reads it. */
async function ends(platform: Pick<Platform, 'lag'>): Promise<string> {
  const lags = await platform.lag();
  return [...new Set(lags.map(({ topic, partition, offset, lag }) => `${topic}/${partition}@${offset + lag}`))]
    .sort()
    .join(' ');
}

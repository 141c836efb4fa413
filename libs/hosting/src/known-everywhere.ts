import { Inject, Injectable } from '@nestjs/common';
import { text } from 'node:stream/consumers';
import { Catalog } from './catalog.js';
import { Peers } from './peers.js';

/** Whoever applies a spec waits no longer than this for processes that do not answer. */
const PATIENCE_MS = 10_000;

/** Waits until every process knows the specs that have been applied, so that what is sent from then on is judged by them. */
@Injectable()
export class KnownEverywhere {
  constructor(
    @Inject(Catalog) private readonly catalog: Catalog,
    @Inject(Peers) private readonly peers: Peers,
  ) {}

  /**
   * Of a service that runs in several processes one is asked.
   * @returns processes that did not say so, each by one of its services and why; they learn of it when they can read the log
   */
  async known(): Promise<string[]> {
    const others = this.peers.processes.map((service) => this.ask(service));
    await this.catalog.caughtUp();
    return (await Promise.all(others)).filter((problem) => problem !== null);
  }

  private async ask(service: string): Promise<string | null> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    try {
      const headers = this.peers.ownAuthorization();
      const answer = await this.peers.call(service, { method: 'POST', path: '/v1/catch-up', headers, signal });
      const said = await text(answer);
      return answer.statusCode === 200 ? null : `${service} answers ${answer.statusCode} ${said}`;
    } catch (error) {
      return signal.aborted ? `${service} does not answer within ${PATIENCE_MS} ms` : (error as Error).message;
    }
  }
}

import { GyreError } from '@gyre/contracts';
import { ConcurrencyLimit, type ConcurrencySettings } from './concurrency-limit.js';
import { RateLimits, type RateLimitSettings } from './rate-limits.js';

export interface AdmissionSettings {
  rate: RateLimitSettings;
  /** Of each model: a slow one takes nothing from the others. */
  concurrency: ConcurrencySettings;
}

/** Who is let in: within the rates of clients, and as many at once as each model can take without a queue. */
export class Admission {
  private readonly rates: RateLimits;
  private readonly limits = new Map<string, ConcurrencyLimit>();

  constructor(private readonly settings: AdmissionSettings) {
    this.rates = new RateLimits(settings.rate);
  }

  /**
   * Lets a request in; `leave` must be called on what it returns.
   * @param model one that there is
   * @throws GyreError RATE_LIMITED, OVERLOADED, both with `retryAfterMs`
   */
  admit(model: string, client: string): ConcurrencyLimit {
    this.rates.take(client);
    const limit = this.of(model);
    if (limit.enter()) return limit;
    throw new GyreError(
      'OVERLOADED',
      `${limit.underWay} requests to ${model} are under way, and more would wait too long; try again later`,
      { retryAfterMs: RETRY_AFTER_MS },
    );
  }

  /** Takes one of what a client may send, of what needs no place among the requests to a model. @throws GyreError RATE_LIMITED, with `retryAfterMs` */
  count(client: string): void {
    this.rates.take(client);
  }

  /**
   * Refuses what can be left out, such as an explanation, while requests to its model are about to be turned away.
   * @param model one that there is
   * @throws GyreError OVERLOADED, with `retryAfterMs`
   */
  refuseWherePressed(model: string): void {
    if (!this.of(model).pressed) return;
    throw new GyreError(
      'OVERLOADED',
      `as many requests to ${model} are under way as it can answer, and nothing is explained beside them; try again later`,
      { retryAfterMs: RETRY_AFTER_MS },
    );
  }

  /** By model: requests under way, and how many may be. */
  state(): { model: string; underWay: number; limit: number }[] {
    return [...this.limits].map(([model, { underWay, limit }]) => ({ model, underWay, limit }));
  }

  private of(model: string): ConcurrencyLimit {
    let limit = this.limits.get(model);
    if (limit === undefined) this.limits.set(model, (limit = new ConcurrencyLimit(this.settings.concurrency)));
    return limit;
  }
}

const RETRY_AFTER_MS = 100;

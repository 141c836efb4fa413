import { GyreError } from '@gyre/contracts';

export interface RateLimitSettings {
  /** Requests a second that each client may send on average; null: as many as it likes. */
  perSecond: number | null;
  /** Requests that it may send at once after a quiet time. */
  burst: number;
  /** Requests a second of single clients, by name or address, instead. */
  ofClients: Readonly<Record<string, number>>;
}

interface Bucket {
  tokens: number;
  /** performance.now() when it held so many. */
  at: number;
}

const CLIENTS_MAX = 10_000;

/**
 * A token bucket for each client: it holds `burst` tokens, gains `perSecond`, and each request takes one.
 * @see J. Turner (1986), New Directions in Communications (or Which Way to the Information Age?), IEEE Communications Magazine 24(10):8-15.
 */
export class RateLimits {
  /** Least recently used first. */
  private readonly buckets = new Map<string, Bucket>();
  /** A map, for clients name themselves: an object would know a client `constructor`. */
  private readonly ofClients: ReadonlyMap<string, number>;

  constructor(
    private readonly settings: RateLimitSettings,
    /** Milliseconds of a clock that does not jump. */
    private readonly now: () => number = () => performance.now(),
  ) {
    this.ofClients = new Map(Object.entries(settings.ofClients));
  }

  /** @throws GyreError RATE_LIMITED, with `retryAfterMs`, if the client has used up what it may send */
  take(client: string): void {
    const perSecond = this.ofClients.get(client) ?? this.settings.perSecond;
    if (perSecond === null) return;
    const burst = Math.max(1, this.settings.burst);
    const now = this.now();
    const bucket = this.bucketOf(client, burst, now);
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) * perSecond) / 1_000);
    bucket.at = now;
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return;
    }
    const retryAfterMs = Math.ceil(((1 - bucket.tokens) * 1_000) / perSecond);
    throw new GyreError(
      'RATE_LIMITED',
      `${client === '' ? 'this client' : client} may send ${perSecond} requests a second, ${burst} at once; try again in ${retryAfterMs} ms`,
      { retryAfterMs },
    );
  }

  private bucketOf(client: string, burst: number, now: number): Bucket {
    const bucket = this.buckets.get(client) ?? { tokens: burst, at: now };
    this.buckets.delete(client);
    this.buckets.set(client, bucket);
    if (this.buckets.size > CLIENTS_MAX) this.buckets.delete(this.buckets.keys().next().value as string);
    return bucket;
  }
}

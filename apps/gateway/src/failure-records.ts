import { predictionId, routingHash, type Predicted } from '@gyre/contracts';
import { randomUUID } from 'node:crypto';

/** Of what a request was about when it failed. */
export interface Failed {
  model: string;
  /** Event time, UTC milliseconds. */
  at: number;
  /** The client's own id; empty if it gave none. */
  request: string;
  entity: string | null;
  /** The version that was to answer. */
  version: number | null;
  rollout: string | null;
  code: string;
}

interface Log {
  append(events: readonly Predicted[]): unknown;
}

const COUNTS_EVERY_MS = 1_000;

/**
 * What was asked and not answered, for the prediction log: a request that was taken and failed is a record of its own; those that were turned away
 * at the door are counted, and each second that turned any away leaves one record of each model and reason.
 */
export class FailureRecords {
  private readonly counts = new Map<string, { model: string; code: string; requests: number }>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly log: Log,
    /** UTC milliseconds. */
    private readonly now: () => number,
  ) {}

  /** One write for all. */
  failed(failures: readonly Failed[]): void {
    this.append(failures.map((failure) => record(failure, 1)));
  }

  turnedAway(model: string, code: string): void {
    const key = `${model} ${code}`;
    const count = this.counts.get(key) ?? { model, code, requests: 0 };
    count.requests += 1;
    this.counts.set(key, count);
    this.timer ??= setTimeout(() => this.flush(), COUNTS_EVERY_MS).unref();
  }

  /** Records what was counted so far. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const counted = [...this.counts.values()];
    this.counts.clear();
    const none = { request: '', entity: null, version: null, rollout: null };
    this.append(counted.map(({ model, code, requests }) => record({ model, code, at: this.now(), ...none }, requests)));
  }

  /** A log that is full refuses these like any other: then the metrics alone have counted them. */
  private append(events: readonly Predicted[]): void {
    try {
      this.log.append(events);
    } catch {
      return;
    }
  }
}

function record({ model, at, request, entity, version, rollout, code }: Failed, requests: number): Predicted {
  const unique = randomUUID();
  return {
    id: predictionId({ routing: routingHash(model, entity ?? unique), predictedAt: at, unique }),
    model,
    occurredAt: at,
    request: request === '' ? null : request,
    entity,
    version,
    rollout,
    features: [],
    seen: null,
    fallback: null,
    output: [],
    shadows: [],
    failure: { code, requests },
  };
}

import { GyreError, topics, type Lifecycle, type StreamedLifecycle } from '@gyre/contracts';
import type { Following, Platform, Recorded } from '@gyre/platform';

/** A connected browser or tool. */
export interface Listener {
  write(text: string): void;
  /** Bytes written that have not left this process yet. */
  buffered(): number;
  /** Ends the connection after what was written. */
  end(): void;
  /** Ends it at once, and what was written is lost. */
  cut(): void;
}

export interface LiveStreamOptions {
  /** While anyone listens, every model's numbers are said to have moved this often. */
  performanceEveryMs: number;
  /** And at most this often for one model. */
  performanceAtMostEveryMs: number;
  heartbeatEveryMs: number;
  /** A listener with more than this unsent is too slow: hints are left out, and before a decision is lost the connection is cut. */
  bufferedBytesMax: number;
  listenersMax: number;
}

const DEFAULTS: LiveStreamOptions = {
  performanceEveryMs: 2_000,
  performanceAtMostEveryMs: 1_000,
  heartbeatEveryMs: 15_000,
  bufferedBytesMax: 256_000,
  listenersMax: 200,
};

/**
 * Tells listeners, as server-sent events, what moves.
 *
 * - `lifecycle`: a StreamedLifecycle, for each decision recorded after the connection began, in order per model.
 * - `performance`: a model's name as JSON; its numbers may have moved. A hint, which may be left out.
 * - comments, as a sign of life.
 *
 * One following of the lifecycle serves all listeners. A listener that was cut off connects again and reads anew what it shows:
 * nothing is kept for it here.
 */
export class LiveStream {
  private readonly options: LiveStreamOptions;
  private readonly listeners = new Set<Listener>();
  private readonly hintedAt = new Map<string, number>();
  private following: Following | undefined;
  private known: Promise<void> = Promise.resolve();
  private timers: NodeJS.Timeout[] = [];

  /** @param models the names of all models there are now */
  constructor(
    private readonly models: () => string[],
    options: Partial<LiveStreamOptions> = {},
  ) {
    this.options = { ...DEFAULTS, ...options };
  }

  get clients(): number {
    return this.listeners.size;
  }

  open(platform: Platform): void {
    this.following = platform.follow('console.live-stream', topics.lifecycle, (record) => this.tell(record));
    this.known = this.following.caughtUp();
    // A failure reaches whoever waits in admit().
    this.known.catch(() => undefined);
  }

  /**
   * Resolves when the past has been read: who joins from then on hears what is new, and only that.
   * @throws GyreError OVERLOADED where no further listener is taken
   */
  async admit(): Promise<void> {
    await this.known;
    if (this.listeners.size < this.options.listenersMax) return;
    throw new GyreError(
      'OVERLOADED',
      `${this.options.listenersMax} listeners are connected already; close some pages of the console`,
    );
  }

  /** @returns the way out: call it when the connection is gone */
  join(listener: Listener): () => void {
    this.listeners.add(listener);
    if (this.timers.length === 0) this.startTimers();
    listener.write('retry: 2000\n: connected\n\n');
    return () => this.remove(listener);
  }

  async stop(): Promise<void> {
    for (const listener of [...this.listeners]) {
      listener.end();
      this.remove(listener);
    }
    await this.following?.stop();
  }

  private tell({ event, offset }: Recorded<Lifecycle>): void {
    if (this.listeners.size === 0) return;
    const { type, model, occurredAt, actor, reason } = event;
    const entry: StreamedLifecycle = { model, offset, type, occurredAt, actor, reason, event };
    const text = message('lifecycle', entry);
    for (const listener of [...this.listeners]) {
      if (listener.buffered() <= this.options.bufferedBytesMax) {
        listener.write(text);
      } else {
        listener.cut();
        this.remove(listener);
      }
    }
    if (this.models().includes(model)) this.hint(model);
  }

  private hint(model: string): void {
    const now = Date.now();
    if (now - (this.hintedAt.get(model) ?? 0) < this.options.performanceAtMostEveryMs) return;
    this.hintedAt.set(model, now);
    const text = message('performance', model);
    for (const listener of this.listeners) {
      if (listener.buffered() <= this.options.bufferedBytesMax) listener.write(text);
    }
  }

  private heartbeat(): void {
    for (const listener of this.listeners) {
      if (listener.buffered() <= this.options.bufferedBytesMax) listener.write(': alive\n\n');
    }
  }

  private startTimers(): void {
    this.timers = [
      setInterval(() => this.models().forEach((model) => this.hint(model)), this.options.performanceEveryMs),
      setInterval(() => this.heartbeat(), this.options.heartbeatEveryMs),
    ];
    for (const timer of this.timers) timer.unref();
  }

  private remove(listener: Listener): void {
    this.listeners.delete(listener);
    if (this.listeners.size > 0) return;
    for (const timer of this.timers) clearInterval(timer);
    this.timers = [];
  }
}

function message(event: 'lifecycle' | 'performance', data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

import type { StreamedLifecycle } from '@gyre/contracts';
import { knownTo, reduce, START, type LiveState, type Message, type Resource } from '../view/live-state.js';
import { api } from './api.js';

/** Pages of a timeline that are read without being asked for. */
const FIRST_PAGES = 2;
const LOOK_EVERY_MS = 500;
/** A replay moves thousands of rows a second; people do not. */
const READ_AT_MOST_EVERY_MS: Record<string, number> = {
  models: 1_000,
  specs: 1_000,
  deadletters: 8_000,
  performance: 1_500,
  labels: 4_000,
  versions: 1_500,
  marked: 4_000,
  timeline: 1_500,
};
const ANSWER_WITHIN_MS = 15_000;
const PAUSE_AFTER_FAILURE_MS = 3_000;
/** Models exist and the stream says nothing for so long: it hangs. */
const SILENCE_MAX_MS = 30_000;
const RECONNECT_MS = [1_000, 2_000, 4_000];

/** Holds what the console knows, follows the stream, and reads what is stale and on the screen. */
export class LiveStore {
  private state: LiveState = START;
  private readonly watchers = new Set<() => void>();
  private readonly readAt = new Map<string, number>();
  private readonly inFlight = new Set<Resource>();
  private wanted: readonly Resource[] = [];
  private source: EventSource | undefined;
  private attempts = 0;
  private heardAt = 0;

  readonly snapshot = (): LiveState => this.state;
  readonly subscribe = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  start(): void {
    this.connect();
    setInterval(() => this.look(), LOOK_EVERY_MS);
    document.addEventListener('visibilitychange', () => this.look());
  }

  /** Says what is on the screen: that is read now, and again when it is stale. */
  want(resources: readonly Resource[]): void {
    this.wanted = resources;
    this.dispatch({ type: 'wanted', resources });
    this.look();
  }

  /**
   * Reads the next older decisions of a timeline.
   *
   * @param backTo a decision, to read back to it however far that is
   * @throws Error with a message that a person can act on
   */
  async readOlder(model: string, backTo: number | null = null): Promise<void> {
    const before = this.state.byModel[model]?.entries?.at(-1)?.offset;
    if (before === undefined) return;
    const pagesMax = backTo === null ? 1 : Infinity;
    const older = await api.timeline(model, backTo, pagesMax, AbortSignal.timeout(ANSWER_WITHIN_MS), before);
    this.dispatch({ type: 'older', model, before, ...older });
  }

  private dispatch(message: Message): void {
    const next = reduce(this.state, message);
    if (next === this.state) return;
    this.state = next;
    for (const watcher of this.watchers) watcher();
  }

  private connect(): void {
    const source = new EventSource('/v1/stream');
    this.source = source;
    source.onopen = () => {
      this.attempts = 0;
      this.heardAt = Date.now();
      this.dispatch({ type: 'opened' });
      this.look();
    };
    source.onerror = () => this.reconnect();
    source.addEventListener('lifecycle', (event: MessageEvent<string>) => {
      this.heardAt = Date.now();
      this.dispatch({ type: 'lifecycle', entry: JSON.parse(event.data) as StreamedLifecycle });
    });
    source.addEventListener('performance', (event: MessageEvent<string>) => {
      this.heardAt = Date.now();
      this.dispatch({ type: 'performance', model: JSON.parse(event.data) as string });
    });
  }

  /** By hand: an EventSource gives up for good when the server answers an error, as one that restarts does. */
  private reconnect(): void {
    this.source?.close();
    this.source = undefined;
    this.dispatch({ type: 'lost' });
    // An EventSource does not tell that the session is over; this does.
    void api.session(AbortSignal.timeout(ANSWER_WITHIN_MS)).catch(() => undefined);
    const wait = RECONNECT_MS[Math.min(this.attempts, RECONNECT_MS.length - 1)] as number;
    this.attempts += 1;
    setTimeout(() => this.connect(), wait);
  }

  private look(): void {
    const now = Date.now();
    const talks = (this.state.models?.length ?? 0) > 0;
    if (this.state.connection === 'live' && talks && now - this.heardAt > SILENCE_MAX_MS) this.reconnect();
    if (document.hidden || this.state.connection === 'lost') return;
    const due = this.wanted.filter(
      (resource) =>
        this.state.stale.has(resource) && !this.inFlight.has(resource) && now >= (this.readAt.get(resource) ?? 0),
    );
    if (due.length === 0) return;
    this.dispatch({ type: 'reading', resources: due });
    for (const resource of due) void this.read(resource);
  }

  private async read(resource: Resource): Promise<void> {
    const [part, model] = resource.split(/:(.*)/s) as [string, string];
    this.inFlight.add(resource);
    this.readAt.set(resource, Date.now() + (READ_AT_MOST_EVERY_MS[part] ?? 1_000));
    try {
      this.dispatch(await this.answer(part, model, AbortSignal.timeout(ANSWER_WITHIN_MS)));
    } catch (error) {
      this.readAt.set(resource, Date.now() + PAUSE_AFTER_FAILURE_MS);
      this.dispatch({ type: 'failed', resource, reason: (error as Error).message });
    } finally {
      this.inFlight.delete(resource);
    }
  }

  private async answer(part: string, model: string, signal: AbortSignal): Promise<Message> {
    switch (part) {
      case 'models':
        return { type: 'models', models: await api.models(signal) };
      case 'specs':
        return { type: 'specs', specs: await api.specs(signal) };
      case 'deadletters':
        return { type: 'deadletters', entries: await api.deadLetters(signal) };
      case 'performance':
        return { type: 'model', model, part: { performance: await api.performance(model, signal) } };
      case 'labels':
        return { type: 'model', model, part: { labels: await api.labels(model, signal) } };
      case 'versions':
        return { type: 'model', model, part: { versions: await api.versions(model, signal) } };
      case 'marked':
        return { type: 'model', model, part: { marked: await api.marked(model, signal) } };
      default: {
        const known = knownTo(this.state.byModel[model]);
        return { type: 'entries', model, ...(await api.timeline(model, known, FIRST_PAGES, signal)) };
      }
    }
  }
}

import type { LifecycleOf, ModelInForce } from '@gyre/contracts';
import type { Arm } from './serving.js';

type ServingChanged = LifecycleOf<'ServingChanged'>;

/** What a ServingChanged names and could not be loaded. */
export interface LackingSlot {
  role: 'champion' | 'previous' | 'shadow' | Arm['role'];
  version: number;
  onnx: string;
  /** Its file is no model, and stays none. */
  isInvalid: boolean;
}

interface Lacking {
  event: ServingChanged;
  /** In force when it was said. */
  spec: ModelInForce;
  slots: readonly LackingSlot[];
  pauseMs: number;
  timer?: NodeJS.Timeout;
}

/** The versions that should serve and could not be loaded, by model. They are tried again with growing pauses, as long as nothing else is said of their model. */
export class LackingVersions {
  private readonly lacking = new Map<string, Lacking>();
  private closed = false;
  private readonly noted: (() => void)[] = [];

  /** @param again tries what a ServingChanged says once more */
  constructor(private readonly again: (event: ServingChanged, spec: ModelInForce) => void) {}

  /** What was lacking when this very event was tried before. */
  of(event: ServingChanged): readonly LackingSlot[] {
    const lacking = this.lacking.get(event.model);
    return lacking?.event === event ? lacking.slots : [];
  }

  /** Takes what is lacking now that an event was tried; nothing, where all was loaded. */
  note(event: ServingChanged, spec: ModelInForce, slots: readonly LackingSlot[]): void {
    const before = this.lacking.get(event.model);
    clearTimeout(before?.timer);
    this.lacking.delete(event.model);
    for (const resolve of this.noted.splice(0)) resolve();
    if (slots.length === 0 || this.closed) return;
    const pauseMs = before?.event === event ? Math.min(PAUSE_MAX_MS, 2 * before.pauseMs) : PAUSE_MIN_MS;
    const lacking: Lacking = { event, spec, slots, pauseMs };
    this.lacking.set(event.model, lacking);
    if (slots.some(({ isInvalid }) => !isInvalid))
      lacking.timer = setTimeout(() => this.again(event, spec), pauseMs).unref();
  }

  /** Resolves when nothing is lacking that may still be had. */
  async had(): Promise<void> {
    const isTried = (): boolean => [...this.lacking.values()].some(({ timer }) => timer !== undefined);
    while (!this.closed && isTried()) await new Promise<void>((resolve) => this.noted.push(resolve));
  }

  /** Beside champions, whose model has words of its own. */
  words(): string[] {
    return [...this.lacking.values()].flatMap(({ event, slots }) =>
      slots
        .filter(({ role }) => role !== 'champion')
        .map(({ role, version }) => `${role} ${version} of ${event.model}`),
    );
  }

  close(): void {
    this.closed = true;
    for (const { timer } of this.lacking.values()) clearTimeout(timer);
    for (const resolve of this.noted.splice(0)) resolve();
  }
}

const PAUSE_MIN_MS = 1_000;
const PAUSE_MAX_MS = 60_000;

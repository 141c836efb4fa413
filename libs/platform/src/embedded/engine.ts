import { messageOf } from '../folding/dead-letter.js';
import type { Logger } from '../logger.js';
import type { Head } from './log.js';

/**
 * What a step came to. `more`: there may be more to do at once; `idle`: nothing until something is appended; `pending`: it calls
 * `resume` by itself; a number: try again after so many milliseconds.
 */
export type Next = 'more' | 'idle' | 'pending' | number;

/** Something that works through one partition, step by step. A step does not await. */
export interface Stepper {
  readonly name: string;
  readonly partition: number;
  readonly topics: readonly string[];
  step(): Next;
}

const RETRY_MS = 500;

/**
 * Lets all steppers work in turn, one step at a time, and the event loop between the steps. A stepper is busy from
 * when it is roused until a step of it ends idle.
 */
export class Engine {
  readonly #heads = new Map<string, number[]>();
  readonly #readers = new Map<string, Stepper[][]>();
  readonly #busy = new Map<Stepper, NodeJS.Timeout | undefined>();
  readonly #queue: Stepper[] = [];
  #pumping = false;
  #idleWaiters: (() => void)[] = [];

  constructor(private readonly logger: Logger) {}

  /** The known end of a partition. */
  head(topic: string, partition: number): number {
    return this.#heads.get(topic)?.[partition] ?? 0;
  }

  get topics(): string[] {
    return [...this.#heads.keys()];
  }

  /** Takes notice of new ends and rouses who reads them. */
  advance(heads: readonly Head[]): void {
    for (const { topic, partition, next } of heads) {
      let known = this.#heads.get(topic);
      if (known === undefined) this.#heads.set(topic, (known = []));
      if ((known[partition] ?? 0) >= next) continue;
      known[partition] = next;
      for (const reader of this.#readers.get(topic)?.[partition] ?? []) this.rouse(reader);
    }
  }

  add(stepper: Stepper): void {
    for (const topic of stepper.topics) {
      let readers = this.#readers.get(topic);
      if (readers === undefined) this.#readers.set(topic, (readers = []));
      (readers[stepper.partition] ??= []).push(stepper);
    }
    this.rouse(stepper);
  }

  remove(stepper: Stepper): void {
    for (const topic of stepper.topics) {
      const readers = this.#readers.get(topic);
      const here = readers?.[stepper.partition];
      if (here !== undefined) (readers as Stepper[][])[stepper.partition] = here.filter((each) => each !== stepper);
    }
    this.#rest(stepper);
  }

  /** Has it work, unless it is at work. */
  rouse(stepper: Stepper): void {
    if (this.#busy.has(stepper)) return;
    this.#busy.set(stepper, undefined);
    this.#enqueue(stepper);
  }

  /** Goes on with a stepper whose step was `pending`. */
  resume(stepper: Stepper): void {
    if (this.#busy.has(stepper)) this.#enqueue(stepper);
  }

  get idle(): boolean {
    return this.#busy.size === 0;
  }

  /** Resolves as soon as nothing is busy. */
  quiet(): Promise<void> {
    return this.idle ? Promise.resolve() : new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  #enqueue(stepper: Stepper): void {
    this.#queue.push(stepper);
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(this.#pump);
  }

  readonly #pump = (): void => {
    const stepper = this.#queue.shift();
    if (stepper !== undefined && this.#busy.has(stepper)) this.#step(stepper);
    if (this.#queue.length > 0) setImmediate(this.#pump);
    else this.#pumping = false;
  };

  #step(stepper: Stepper): void {
    let next: Next;
    try {
      next = stepper.step();
    } catch (error) {
      // Not an event's fault, or it would have been caught: a full disk, say. It goes on from what is committed.
      this.logger(
        'error',
        `${stepper.name} could not commit; it tries again from what is committed, and meanwhile its lag grows. Most often the disk of the data directory is full or cannot be written: see its free space and rights`,
        { partition: stepper.partition, error: messageOf(error) },
      );
      next = RETRY_MS;
    }
    if (!this.#busy.has(stepper)) return;
    if (next === 'more') this.#queue.push(stepper);
    else if (next === 'idle') this.#rest(stepper);
    else if (next !== 'pending')
      this.#busy.set(
        stepper,
        setTimeout(() => this.resume(stepper), next),
      );
  }

  #rest(stepper: Stepper): void {
    clearTimeout(this.#busy.get(stepper));
    this.#busy.delete(stepper);
    if (this.#busy.size > 0 || this.#idleWaiters.length === 0) return;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}

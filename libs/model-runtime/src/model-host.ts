import { GyreError, type ErrorCode } from '@gyre/contracts';
import type { TensorInfo, TensorValue } from './loaded-model.js';
import type { MeasuredRun } from './measured-run.js';

/** What a model says of itself once it is loaded. */
export interface Described {
  inputs: readonly TensorInfo[];
  optionalInputs: readonly TensorInfo[];
  outputs: readonly TensorInfo[];
  classes: readonly (string | number)[];
  metadata: Readonly<Record<string, string>>;
  width: number | undefined;
  scoreName: string | undefined;
  run: MeasuredRun;
  /** See `sizedByValues`. */
  sizedBy: string | null;
}
export type Values = Readonly<Record<string, TensorValue>>;
export type Asked =
  | { ask: 'load'; model: number; bytes: Uint8Array }
  | { ask: 'run'; model: number; features: Float32Array; rows: number }
  | { ask: 'call'; model: number; inputs: Values; outputs: readonly string[] }
  | { ask: 'dispose'; model: number };
export type ModelRequest = Asked & { id: number };
export interface ModelAnswer {
  id: number;
  value: Described | Float32Array | Values | null;
  failure?: { code: string | null; message: string };
}

/** Holds models elsewhere than on the loop, and does what it is asked, in order. */
export abstract class ModelHost {
  private readonly waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  private nextId = 1;
  private endedOf: Error | null = null;

  /** @param ended told once, when it has ended, for whatever reason */
  constructor(private readonly ended: (why: Error) => void) {}

  /**
   * @param withinMs how long an answer is worth waiting for
   * @throws Error by rejection: what the model throws, or why the host has ended
   */
  ask<T>(request: Asked, _withinMs = Infinity): Promise<T> {
    if (this.endedOf !== null) return Promise.reject(this.endedOf);
    const id = this.nextId++;
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.keepAlive(true);
      this.post({ ...request, id });
    });
  }

  abstract end(): Promise<void>;
  protected abstract post(request: ModelRequest): void;
  /** An idle one keeps no process from ending. */
  protected abstract keepAlive(isBusy: boolean): void;

  protected answered({ id, value, failure }: ModelAnswer): void {
    const asked = this.waiting.get(id);
    this.waiting.delete(id);
    if (this.waiting.size === 0) this.keepAlive(false);
    if (failure === undefined) asked?.resolve(value as never);
    else asked?.reject(failureOf(failure));
  }

  /** @param later what those are told who ask from now on */
  protected hasEnded(why: Error, later = why): void {
    if (this.endedOf !== null) return;
    this.endedOf = later;
    for (const { reject } of this.waiting.values()) reject(why);
    this.waiting.clear();
    this.ended(later);
  }
}

function failureOf({ code, message }: NonNullable<ModelAnswer['failure']>): Error {
  return code === null ? new Error(message) : new GyreError(code as ErrorCode, message);
}

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { GyreError, type ErrorCode } from '@gyre/contracts';
import type { ModelAnswer, ModelRequest } from './model-messages.js';
import { residentBytes } from './resident-bytes.js';

const CHILD = fileURLToPath(new URL('./model-process.child.js', import.meta.url));
const LOOKED_AT_EVERY_MS = 20;
const MIB = 1_048_576;

/** A process was ended on purpose: the models that it held are none the worse for it. */
export class RunEnded extends Error {
  constructor() {
    super('a run took too long or too much, and the process of the model was ended with it');
    this.name = 'RunEnded';
  }
}

export interface ProcessLimits {
  /** How long loading a model and running it on samples may take, ms. */
  loadMsMax: number;
  /** How long a run may take, ms. */
  runMsMax: number;
  /** Memory of the process, bytes; watched on Linux only. */
  bytesMax: number;
}

/** How long an answer is worth waiting for, and whether a run is ended then: see `sizedByValues`. */
export interface Worth {
  withinMs?: number | undefined;
  sizedBy?: string | null;
}

/**
 * A process that holds models, and does what it is asked, one after the other. onnxruntime ends no run before its time, but a process can be ended: it is,
 * where loading a model or running it takes longer or more memory than the limits, and all that it holds with it.
 */
export class ModelProcess {
  private readonly child: ChildProcess;
  private last: Promise<unknown> = Promise.resolve();
  private asked: { resolve: (value: never) => void; reject: (error: Error) => void } | null = null;
  private endedOf: Error | null = null;

  /** @param ended told once, when it has ended, for whatever reason */
  constructor(
    private readonly limits: ProcessLimits,
    private readonly ended: (why: Error) => void,
  ) {
    const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const;
    this.child = fork(CHILD, { stdio: [...stdio], execArgv: [], serialization: 'advanced' });
    this.keepAlive(false);
    this.child.on('message', (answer) => this.answered(answer as ModelAnswer));
    this.child.on('error', (error) => this.hasEnded(error));
    this.child.on('exit', (code, signal) =>
      this.hasEnded(new Error(`the process that runs the model ended with ${signal ?? `code ${code}`}`)),
    );
  }

  /**
   * @throws Error by rejection: what the model throws, or why the process has ended; GyreError DEADLINE_EXCEEDED, RUN_TOO_LARGE, or MODEL_INVALID while it
   *   is loaded, where that was over the limits
   */
  ask<T>(request: ModelRequest, worth: Worth = {}): Promise<T> {
    const until = performance.now() + (worth.withinMs ?? Infinity);
    const done = this.last.then(() => this.put<T>(request, until, worth.sizedBy ?? null));
    this.last = done.catch(() => undefined);
    return done;
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    // Nothing else may hold the loop meanwhile.
    this.keepAlive(true);
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }

  private async put<T>(request: ModelRequest, until: number, sizedBy: string | null): Promise<T> {
    if (this.endedOf !== null) throw this.endedOf;
    const begun = performance.now();
    if (begun >= until)
      throw new GyreError('DEADLINE_EXCEEDED', 'the deadline of the request passed before it was its turn');
    const watch = setInterval(() => {
      const over = this.overLimits(request, begun, sizedBy === null ? Infinity : until);
      if (over === null) return;
      this.hasEnded(sizedBy === null ? over : aboutValues(over, sizedBy), new RunEnded());
      this.child.kill('SIGKILL');
    }, LOOKED_AT_EVERY_MS);
    this.keepAlive(true);
    try {
      return await new Promise<T>((resolve, reject) => {
        this.asked = { resolve, reject };
        // Where the process is gone, its exit tells.
        this.child.send(request, () => undefined);
      });
    } finally {
      this.asked = null;
      clearInterval(watch);
      this.keepAlive(false);
    }
  }

  private overLimits(request: ModelRequest, begun: number, until: number): GyreError | null {
    const { loadMsMax, runMsMax, bytesMax } = this.limits;
    const now = performance.now();
    const memory =
      residentBytes(this.child.pid) > bytesMax ? `more than ${Math.round(bytesMax / MIB)} MiB of memory` : null;
    if (request.ask === 'load') {
      const took = now - begun > loadMsMax ? `more than ${loadMsMax / 1_000} s` : memory;
      return took === null ? null : new GyreError('MODEL_INVALID', `it takes ${took} to load and run once`);
    }
    const ended = (code: ErrorCode, when: string) =>
      new GyreError(code, `the run was ended ${when}: ask for less in one request`);
    if (now >= until) return ended('DEADLINE_EXCEEDED', 'when the deadline of its request passed');
    if (now - begun > runMsMax) return ended('RUN_TOO_LARGE', `after ${runMsMax} ms, the most that one may take`);
    return memory === null ? null : ended('RUN_TOO_LARGE', `when it took ${memory}`);
  }

  private answered(answer: ModelAnswer): void {
    if ('failure' in answer) this.asked?.reject(failureOf(answer.failure));
    else this.asked?.resolve(answer.value as never);
  }

  /** @param later what those are told who ask from now on */
  private hasEnded(why: Error, later = why): void {
    if (this.endedOf !== null) return;
    this.endedOf = later;
    this.asked?.reject(why);
    this.ended(later);
  }

  /** An idle one keeps no process from ending. */
  private keepAlive(isBusy: boolean): void {
    for (const handle of [this.child, this.child.channel])
      if (isBusy) handle?.ref();
      else handle?.unref();
  }
}

function aboutValues({ code, message }: GyreError, sizedBy: string): GyreError {
  return new GyreError(
    code,
    `${message}; how much a run does may be for its inputs to say, by the operator ${sizedBy}`,
  );
}

function failureOf({ code, message }: { code: string | null; message: string }): Error {
  return code === null ? new Error(message) : new GyreError(code as ErrorCode, message);
}

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { GyreError } from '@gyre/contracts';
import { ModelHost, type Asked, type ModelAnswer, type ModelRequest } from './model-host.js';
import { residentBytes } from './resident-bytes.js';

const CHILD = fileURLToPath(new URL('./model-process.child.js', import.meta.url));
const LOOKED_AT_EVERY_MS = 20;
const LOAD_MS_MAX = 60_000;

/** A process was ended on purpose: the model that it held is none the worse for it. */
export class RunEnded extends Error {
  constructor() {
    super('a run took too long or too much, and the process of the model was ended with it');
    this.name = 'RunEnded';
  }
}

export interface RunLimits {
  /** How long a run may take, ms. */
  runMsMax: number;
  /** Memory of the process that runs the model, bytes; watched on Linux only. */
  runBytesMax: number;
}

/**
 * A process that holds one model, for runs of which nobody knows how long they take: onnxruntime ends no run before its time, but a process can be
 * ended. It is, where a run takes longer than the limit or its answer is worth, or more memory.
 */
export class ModelProcess extends ModelHost {
  private readonly child: ChildProcess;
  private last: Promise<unknown> = Promise.resolve();
  private killedFor: GyreError | null = null;

  /** @param why what makes its runs so, in words */
  constructor(
    private readonly limits: RunLimits,
    private readonly why: string,
    ended: (why: Error) => void,
  ) {
    super(ended);
    const child = fork(CHILD, {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: [],
      serialization: 'advanced',
    });
    this.child = child;
    this.keepAlive(false);
    child.on('message', (answer) => this.answered(answer as ModelAnswer));
    child.on('error', (error) => this.hasEnded(error));
    child.on('exit', (code, signal) => {
      const { killedFor } = this;
      if (killedFor === null) this.hasEnded(new Error(`the process that runs the model ended with ${signal ?? code}`));
      else this.hasEnded(killedFor, new RunEnded());
    });
  }

  /** One after the other, so that each has its time. */
  override ask<T>(request: Asked, withinMs = Infinity): Promise<T> {
    const until = performance.now() + withinMs;
    const done = this.last.then(() => this.watched<T>(request, until));
    this.last = done.catch(() => undefined);
    return done;
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }

  protected post(request: ModelRequest): void {
    this.child.send(request, (error) => (error === null ? undefined : this.hasEnded(error)));
  }

  protected keepAlive(isBusy: boolean): void {
    for (const handle of [this.child, this.child.channel])
      if (isBusy) handle?.ref();
      else handle?.unref();
  }

  private async watched<T>(request: Asked, until: number): Promise<T> {
    const { runMsMax, runBytesMax } = this.limits;
    const msMax = request.ask === 'load' ? LOAD_MS_MAX : runMsMax;
    const begun = performance.now();
    const watch = setInterval(() => {
      const now = performance.now();
      if (now >= until) this.kill('DEADLINE_EXCEEDED', 'when the deadline of its request passed');
      else if (now - begun > msMax) this.kill('RUN_TOO_LARGE', `after ${msMax} ms, the most that one may take`);
      else if (residentBytes(this.child.pid) > runBytesMax)
        this.kill('RUN_TOO_LARGE', `when it took more than ${Math.round(runBytesMax / 1_048_576)} MiB of memory`);
    }, LOOKED_AT_EVERY_MS);
    try {
      return await super.ask<T>(request);
    } finally {
      clearInterval(watch);
    }
  }

  private kill(code: 'DEADLINE_EXCEEDED' | 'RUN_TOO_LARGE', when: string): void {
    this.killedFor ??= new GyreError(code, `the run was ended ${when}; ${this.why}: ask for less of it`);
    this.child.kill('SIGKILL');
  }
}

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ProcessPlan } from '../deployment.js';

/** Something that can be killed and started again. */
export interface Victim {
  readonly name: string;
  /** kill -9. */
  kill(): Promise<void>;
  /** Resolves when it does its work again. */
  start(): Promise<void>;
}

const EXECUTABLE = fileURLToPath(new URL('../../../gyre/dist/main.js', import.meta.url));
const AGAIN_MS = 500;
const PATIENCE_MS = 180_000;

/** One process of Gyre, kept alive as an orchestrator would: one that ends by itself is started again. */
export class GyreProcess implements Victim {
  /** How often it has ended by itself. */
  ended = 0;
  private child: ChildProcess | undefined;
  private wanted = false;

  /** @param directory for what it prints */
  constructor(
    private readonly plan: ProcessPlan,
    private readonly directory: string,
  ) {}

  get name(): string {
    return this.plan.name;
  }

  async start(): Promise<void> {
    this.wanted = true;
    this.spawn();
    const end = Date.now() + PATIENCE_MS;
    while (this.wanted && !(await this.isReady())) {
      if (Date.now() > end) throw new Error(`${this.name} is not ready in time; see ${this.log}`);
      await pause(100);
    }
  }

  async kill(): Promise<void> {
    this.wanted = false;
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  /** Resident memory at most since its start, bytes, as Linux tells it; elsewhere 0. */
  get rssMaxBytes(): number {
    try {
      const status = readFileSync(`/proc/${this.child?.pid}/status`, 'utf8');
      return 1_024 * Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0);
    } catch {
      return 0;
    }
  }

  get log(): string {
    return join(this.directory, `${this.name}.log`);
  }

  private spawn(): void {
    const output = openSync(this.log, 'a');
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('GYRE_') && name !== 'NODE_OPTIONS');
    const child = spawn(process.execPath, ['--enable-source-maps', EXECUTABLE, ...this.plan.argv], {
      cwd: this.directory,
      env: Object.fromEntries(own),
      // With an IPC channel it ends with this process, even if that is killed.
      stdio: ['ignore', output, output, 'ipc'],
    });
    closeSync(output);
    this.child = child;
    child.once('exit', () => {
      if (!this.wanted || this.child !== child) return;
      this.ended += 1;
      setTimeout(() => {
        if (this.wanted && this.child === child) this.spawn();
      }, AGAIN_MS);
    });
  }

  private async isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.plan.url}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok;
    } catch {
      return false;
    }
  }
}

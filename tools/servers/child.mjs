import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

/** A Java machine that shares its cores with tests takes its time. */
const PATIENCE_MS = 180_000;
const keeper = fileURLToPath(new URL('keeper.mjs', import.meta.url));

/** A server process that can be killed and started again on the same port and data. It dies with this process. */
export class Child {
  #keeper;

  /**
   * @param {{ name: string, command: string, args: string[], env?: Record<string, string> }} program
   * @param {string} logFile what the server prints
   * @param {(logged: string) => boolean | Promise<boolean>} isUp tells by what was printed since the start, or by asking
   * @param {string | undefined} deleteWith a directory that is deleted if this process dies
   */
  constructor(program, logFile, isUp, deleteWith) {
    Object.assign(this, { program, logFile, isUp, deleteWith });
  }

  /** Resolves when the server answers. @throws Error if it ends before, or takes longer than three minutes, with what it printed */
  async start() {
    const output = openSync(this.logFile, 'a');
    const from = readFileSync(this.logFile).length;
    const logged = () => readFileSync(this.logFile).subarray(from).toString();
    const { command, args, env } = this.program;
    const child = spawn(
      process.execPath,
      [keeper, JSON.stringify({ command, args, env }), ...(this.deleteWith === undefined ? [] : [this.deleteWith])],
      { stdio: ['ignore', output, output, 'ipc'], detached: true },
    );
    closeSync(output);
    child.unref();
    child.channel?.unref();
    this.#keeper = child;
    const end = Date.now() + PATIENCE_MS;
    while (!(await this.isUp(logged()))) {
      if (child.exitCode !== null) throw new Error(`${this.program.name} ended at its start:\n${tail(logged())}`);
      if (Date.now() > end) {
        await this.kill();
        throw new Error(`${this.program.name} is not up after ${PATIENCE_MS / 60_000} minutes:\n${tail(logged())}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** kill -9; `start` starts it again. */
  async kill() {
    const child = this.#keeper;
    if (child === undefined || child.exitCode !== null) return;
    const exit = once(child, 'exit');
    child.ref();
    child.send('SIGKILL');
    await exit;
  }

  /** Holds the process as it is (SIGSTOP), or lets it go on (SIGCONT). */
  signal(signal) {
    this.#keeper?.send(signal);
  }
}

/** A port that was free a moment ago, on the loopback. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

function tail(text) {
  return text.trim().split('\n').slice(-15).join('\n');
}

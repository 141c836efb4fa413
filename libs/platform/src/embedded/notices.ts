import { realpathSync } from 'node:fs';
import { BroadcastChannel } from 'node:worker_threads';

/** Tells the platform's thread that another thread of the process has appended. */
export class Notices {
  readonly #channel: BroadcastChannel;

  constructor(dir: string) {
    this.#channel = new BroadcastChannel(`gyre ${realpathSync(dir)}`);
    this.#channel.unref();
  }

  listen(appended: () => void): void {
    this.#channel.onmessage = appended;
  }

  tell(): void {
    this.#channel.postMessage('appended');
  }

  close(): void {
    this.#channel.close();
  }
}

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Addresses } from '../../../tools/servers/index.mjs';

const starter = fileURLToPath(new URL('servers.starter.js', import.meta.url));

/** What the process of the servers is told to do with them. */
export interface Order {
  word: 'kill' | 'start' | 'kill and start';
  only?: 'kafka' | 'mongodb' | undefined;
}

/** Kafka and MongoDB of one spec's own, in a process that can be killed with them. */
export class OwnServers {
  private constructor(
    readonly child: ChildProcess,
    readonly addresses: Addresses,
  ) {}

  static async start(): Promise<OwnServers> {
    const child = fork(starter, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const [addresses] = (await once(child, 'message')) as [Addresses];
    return new OwnServers(child, addresses);
  }

  /** Resolves when it is done. @param only one of them; else both are meant */
  async say(word: Order['word'], only?: Order['only']): Promise<void> {
    this.child.send({ word, only } satisfies Order);
    await once(this.child, 'message');
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }
}

import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { topics } from '@gyre/contracts';
import { describeOnServers, testServers } from '../../../../tools/servers/index.mjs';
import { all, codeOf } from '../contract/harness.js';
import { say, words, type Word } from '../contract/words.js';
import { ClusterPlatform } from './cluster-platform.js';
import { harness } from './cluster.harness.js';
import type { ClusterOptions } from './options.js';

/** What stands between a platform and MongoDB, and can be shut. */
class Door {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(host: string, port: number) {
    this.#server = createServer((socket) => {
      const inner = connect(port, host);
      this.#sockets.add(socket);
      socket.on('error', () => inner.destroy()).on('close', () => inner.destroy());
      inner.on('error', () => socket.destroy()).on('close', () => socket.destroy());
      socket.pipe(inner).pipe(socket);
    });
  }

  async open(port = 0): Promise<number> {
    await once(this.#server.listen(port, '127.0.0.1'), 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  shut(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

describeOnServers('a platform whose MongoDB is away', await testServers(), (servers) => {
  it('waits for it where it folds, tells those who ask, and says so', async () => {
    const place = JSON.parse(await harness.place()) as Pick<ClusterOptions, 'kafka' | 'mongodb'>;
    const url = new URL(servers.mongodb);
    const door = new Door(url.hostname, Number(url.port));
    const port = await door.open();
    url.hostname = '127.0.0.1';
    url.port = String(port);
    const lines: string[] = [];
    const platform = await ClusterPlatform.open({
      ...place,
      mongodb: { ...place.mongodb, url: url.href },
      partitions: 3,
      tickEveryMs: 100,
      topics: [topics.deadletter],
      logger: (_, message) => void lines.push(message),
    });
    const task = {
      name: 'test.sum',
      inputs: [words],
      handle: (sum: number = 0, { n }: Word) => ({ state: sum + n }),
    };
    platform.run(task);
    await platform.append(words, say('a', 1));
    await platform.settled();
    const sha256 = await platform.artifacts.put(Uint8Array.of(1, 2));
    const asked = () => [
      platform.states(task, ['a']),
      all(platform.scan(task)),
      platform.lag(),
      platform.artifacts.get(sha256),
    ];
    expect(platform.away).toBeNull();

    door.shut();
    await platform.append(words, say('a', 2));
    const began = performance.now();
    expect(await Promise.all(asked().map(codeOf))).toEqual(Array(4).fill('PLATFORM_UNAVAILABLE'));
    expect(performance.now() - began).toBeLessThan(9_000);
    while (platform.away === null) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(platform.away).toMatch(/^MongoDB has not answered since .*Z: Mongo/);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(lines.filter((line) => line.startsWith('MongoDB'))).toEqual([
      'MongoDB does not answer; what needs it goes on trying',
    ]);

    await door.open(port);
    await platform.settled();
    expect(await platform.states(task, ['a'])).toEqual(new Map([['a', 3]]));
    expect(platform.away).toBeNull();
    expect(lines).toContain('MongoDB answers again');
    await platform.close();
    door.shut();
    await harness.remove(JSON.stringify(place));
  }, 120_000);
});

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Catalog } from './catalog.js';
import { KnownEverywhere } from './known-everywhere.js';
import { Peers, PeersConfig } from './peers.js';

describe('specs that were applied', () => {
  let answer: () => Promise<number>;
  let asked: (string | undefined)[] = [];
  let there: Server;
  let url: string;
  beforeAll(async () => {
    there = createServer(({ method, url: path }, response) => {
      asked.push(`${method} ${path}`);
      void answer().then((status) => response.writeHead(status).end('{}'));
    });
    await new Promise<void>((resolve) => there.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(there.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    asked = [];
  });
  afterAll(() => there.close());

  const known = (http: Record<string, string>): Promise<string[]> => {
    const peers = new Peers(PeersConfig.parse({ http }), ['registry'], ['ingestion', 'gateway', 'trainer']);
    return new KnownEverywhere(new Catalog(), peers).known();
  };

  it('are known when each other process says so, asked once however many services it runs', async () => {
    let caughtUp = false;
    answer = async () => {
      await pause(50);
      caughtUp = true;
      return 200;
    };
    expect(await known({ ingestion: url, gateway: url })).toEqual([]);
    expect([caughtUp, asked]).toEqual([true, ['POST /v1/catch-up']]);
  });

  it('stay applied where a process cannot say so, and who does not is told', async () => {
    answer = () => Promise.resolve(401);
    expect(await known({ ingestion: url, trainer: 'http://127.0.0.1:1' })).toEqual([
      'ingestion answers 401 {}',
      expect.stringMatching(/^trainer at http:.* does not answer: .*ECONNREFUSED/),
    ]);
  });
});

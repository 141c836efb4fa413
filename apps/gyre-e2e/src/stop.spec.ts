import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { deployment } from './chosen-deployment.js';
import { Child, featuresOf, gyre, labelFor, newDirectory, newFile, RunningGyre, seedOf } from './harness.js';
import { machine } from './machines.js';

describe('told to end', () => {
  it('ends in order within seconds with exit code 0, and loses nothing that was sent before', async () => {
    const running = await RunningGyre.start();
    await running.apply(machine);
    const entities = Array.from({ length: 200 }, (_, i) => `m${i}`);
    const ids = await Promise.all(entities.slice(0, 50).map((entity) => running.predict('failure', entity)));
    await running.send(...entities.map((entity) => featuresOf('machine', entity, { temperature: 1, load: 1 })));
    await running.send(...ids.map((id) => labelFor(id, 1)));
    const began = Date.now();
    expect(new Set(await running.stop())).toEqual(new Set([0]));
    expect(Date.now() - began).toBeLessThan(10_000);

    const again = await running.restart();
    await again.settle();
    expect(await again.labels('failure')).toMatchObject({ counts: { joined: 50 }, waiting: 0, early: 0 });
    expect(await again.deadLetters()).toEqual([]);
    for (const entity of ['m0', 'm199']) {
      expect(await again.get(`/v1/features/machine/${entity}`)).toMatchObject({ features: { load: { value: 1 } } });
    }
    await again.stop();
  });
});

describe('a port in use', () => {
  it.each(['--http-port', '--grpc-port'])('ends the start with exit code 1: %s', async (flag) => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const ports = ['--http-port', '0', '--grpc-port', '0', flag, String(port)];
    const child = new Child(['up', '--data-dir', newDirectory(), ...ports]);
    await child.said(/is the port taken/);
    expect(await Promise.race([child.ended, pause(10_000, 'it goes on', { ref: false })])).toBe(1);
    other.close();
  });
});

describe('a data directory in use', () => {
  it('is refused to a second process, which says so', async () => {
    const running = await RunningGyre.start();
    const [first] = await deployment.processes({ dataDir: running.dataDir, settings: newFile('gyre.yaml', '{}') });
    const { code, stderr } = await gyre(first?.argv as string[]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/another.*process|in use|owns/i);
    expect(stderr).toMatch(/--data-dir/);
    expect((await running.call('GET', '/readyz')).status).toBe(200);
    await running.stop();
  });
});

describe('killed under a stream of requests', () => {
  it('knows after its restart every prediction that was answered, each once', async () => {
    const random = seedOf('kill moments of a serving platform');
    let running = await RunningGyre.start();
    await running.apply(machine);
    const answered: string[] = [];
    const CLIENTS = 8;
    const KILLS = 3;
    for (let kill = 0; kill < KILLS; kill++) {
      let stopped = false;
      const client = async (c: number) => {
        for (let i = 0; !stopped; i++) {
          try {
            answered.push(await running.predict('failure', `m-${kill}-${c}-${i}`));
          } catch {
            return; // it is dead: what was not answered is nobody's
          }
        }
      };
      const clients = Array.from({ length: CLIENTS }, (_, c) => client(c));
      await pause(300 + 700 * random());
      await running.kill();
      stopped = true;
      await Promise.all(clients);
      running = await running.restart();
    }
    expect(answered.length).toBeGreaterThan(50);
    expect(new Set(answered).size).toBe(answered.length);
    await running.settle();
    const before = await running.labels('failure');
    // Those that were under way at a kill may be known too; no more.
    expect(before.waiting).toBeGreaterThanOrEqual(answered.length);
    expect(before.waiting).toBeLessThanOrEqual(answered.length + KILLS * CLIENTS);

    await running.send(...answered.map((id) => labelFor(id, 1)));
    await running.settle();
    const after = await running.labels('failure');
    expect(after.counts).toEqual({ joined: answered.length, corrected: 0, late: 0, repeated: 0, expired: 0 });
    expect(after).toMatchObject({ waiting: before.waiting - answered.length, early: 0 });
    expect(await running.deadLetters()).toEqual([]);
    await running.stop();
  }, 180_000);
});

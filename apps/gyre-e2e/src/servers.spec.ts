import { once } from 'node:events';
import { connect } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
import mongoose from 'mongoose';
import { describeOnServers, testServers } from '../../../tools/servers/index.mjs';
import { OwnServers } from './own-servers.js';

describeOnServers('servers for tests', await testServers(), () => {
  it('keep what they took when they are killed and started again, and end with the process that started them', async () => {
    const servers = await OwnServers.start();
    const { child, addresses } = servers;
    const kafka = new Kafka({ brokers: [addresses.kafka], logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 1 }] });
    await admin.disconnect();
    const notes = (await mongoose.createConnection(`${addresses.mongodb}test`).asPromise()).collection<{ _id: string }>(
      'notes',
    );
    await notes.insertOne({ _id: 'kept' });

    await servers.say('kill and start');
    const again = kafka.admin();
    await again.connect();
    expect(await again.listTopics()).toContain('kept');
    await again.disconnect();
    expect(await notes.findOne()).toEqual({ _id: 'kept' });
    await notes.conn.close();

    child.kill('SIGKILL');
    const ports = [addresses.kafka.split(':')[1], new URL(addresses.mongodb).port].map(Number);
    const end = performance.now() + 10_000;
    while ((await Promise.all(ports.map(listens))).includes(true) && performance.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await Promise.all(ports.map(listens))).toEqual([false, false]);
  }, 240_000);
});

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

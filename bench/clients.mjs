/**
 * kafkajs and @platformatic/kafka beside each other: produce and consume the same batches, uncompressed and acknowledged by all. ADR 10 has figures.
 * Rounds alternate, so that both see the same machine.
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Consumer, Producer, ProduceAcks } from '@platformatic/kafka';
import kafkajs from 'kafkajs';
import { startServers } from '../tools/servers/index.mjs';

const BATCH = 1_000;
const { Kafka, Partitioners, logLevel } = kafkajs;

export async function bench(args) {
  const { values } = parseArgs({
    args,
    options: { events: { type: 'string', default: '50000' }, rounds: { type: 'string', default: '3' } },
  });
  const count = Number(values.events);
  const { GYRE_TEST_KAFKA: address } = process.env;
  const servers = address ? { kafka: { address }, stop: async () => undefined } : await startServers();
  const broker = servers.kafka.address;
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const clients = { kafkajs: withKafkajs(kafka), '@platformatic/kafka': withPlatformatic(broker) };
  const figures = {};
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [name, client] of Object.entries(clients)) {
      const topic = `clients-${randomUUID().slice(0, 8)}`;
      await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 1, replicationFactor: 1 }] });
      const found = (figures[name] ??= { produce: [], consume: [] });
      found.produce.push(count / (await client.produce(topic, count)));
      found.consume.push(count / (await client.consume(topic, count)));
      await admin.deleteTopics({ topics: [topic] });
    }
  }
  for (const [name, { produce, consume }] of Object.entries(figures))
    console.log(`${name.padEnd(22)}produce ${median(produce)}/s, consume ${median(consume)}/s`);
  await admin.disconnect();
  await servers.stop();
}

function batches(count) {
  const value = JSON.stringify({
    entity: 'region-1',
    time: '2026-11-22T12:00:00Z',
    values: { a: 0.25, b: 0.5 },
    pad: 'x'.repeat(150),
  });
  return Array.from({ length: count / BATCH }, (_, i) =>
    Array.from({ length: BATCH }, (__, j) => ({ key: `key-${i * BATCH + j}`, value })),
  );
}

function withKafkajs(kafka) {
  return {
    async produce(topic, count) {
      const producer = kafka.producer({
        idempotent: true,
        maxInFlightRequests: 1,
        createPartitioner: Partitioners.DefaultPartitioner,
      });
      await producer.connect();
      const began = performance.now();
      for (const messages of batches(count)) await producer.send({ topic, acks: -1, messages });
      const seconds = (performance.now() - began) / 1_000;
      await producer.disconnect();
      return seconds;
    },
    async consume(topic, count) {
      const consumer = kafka.consumer({ groupId: topic });
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      let [read, began] = [0, 0];
      await new Promise((resolve, reject) => {
        const eachBatch = async ({ batch }) => {
          began ||= performance.now();
          read += batch.messages.length;
          if (read >= count) resolve();
        };
        consumer.run({ autoCommit: false, eachBatch }).catch(reject);
      });
      const seconds = (performance.now() - began) / 1_000;
      await consumer.disconnect();
      return seconds;
    },
  };
}

function withPlatformatic(broker) {
  const options = { clientId: 'bench', bootstrapBrokers: [broker] };
  return {
    async produce(topic, count) {
      const producer = new Producer({ ...options, idempotent: true });
      const began = performance.now();
      for (const messages of batches(count))
        await producer.send({
          acks: ProduceAcks.ALL,
          messages: messages.map(({ key, value }) => ({ topic, key: Buffer.from(key), value: Buffer.from(value) })),
        });
      const seconds = (performance.now() - began) / 1_000;
      await producer.close();
      return seconds;
    },
    async consume(topic, count) {
      const consumer = new Consumer({ ...options, groupId: `${topic}-p` });
      const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false, maxWaitTime: 500 });
      let [read, began] = [0, 0];
      for await (const _ of stream) {
        began ||= performance.now();
        read += 1;
        if (read >= count) break;
      }
      const seconds = (performance.now() - began) / 1_000;
      await consumer.close(true);
      return seconds;
    },
  };
}

function median(values) {
  return Math.round([...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]);
}

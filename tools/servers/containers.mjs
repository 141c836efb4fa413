import { once } from 'node:events';
import { connect } from 'node:net';
import { freePort } from './child.mjs';

/** Confluent's image of Apache Kafka 4.1 is the one that the module of testcontainers knows how to start. */
const KAFKA = 'confluentinc/cp-kafka:8.1.0';
const MONGODB = 'mongo:8.0.12';

/** Whether testcontainers finds a container runtime. */
export async function hasContainers() {
  try {
    const { getContainerRuntimeClient } = await import('testcontainers');
    await getContainerRuntimeClient();
    return true;
  } catch {
    return false;
  }
}

/** Apache Kafka and MongoDB in containers, on ports of the host that stay the same when one is killed and started again. */
export async function inContainers(ports = {}) {
  const [{ KafkaContainer }, { MongoDBContainer }] = await Promise.all([
    import('@testcontainers/kafka'),
    import('@testcontainers/mongodb'),
  ]);
  /** Its class asks for a port of the host's choice last of all, when the container is made. */
  class KafkaOnPort extends KafkaContainer {
    constructor(image, port) {
      super(image);
      this.port = port;
    }
    async beforeContainerCreated() {
      await super.beforeContainerCreated();
      this.exposedPorts = [];
      this.withExposedPorts({ container: 9093, host: this.port });
    }
  }
  const [kafkaPort, mongodbPort] = [ports.kafka ?? (await freePort()), ports.mongodb ?? (await freePort())];
  const started = await Promise.allSettled([
    new KafkaOnPort(KAFKA, kafkaPort).start(),
    new MongoDBContainer(MONGODB).withExposedPorts({ container: 27017, host: mongodbPort }).start(),
  ]);
  const stop = async () => void (await Promise.all(started.map(({ value }) => value?.stop({ timeout: 0 }))));
  const failed = started.find(({ status }) => status === 'rejected');
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  const [kafka, mongodb] = started.map(({ value }) => value);
  return {
    by: 'containers',
    kafka: { address: `${kafka.getHost()}:${kafkaPort}`, ...(await handle(kafka, kafkaPort)) },
    mongodb: {
      url: `mongodb://${mongodb.getHost()}:${mongodbPort}/?directConnection=true`,
      ...(await handle(mongodb, mongodbPort)),
    },
    stop,
  };
}

async function handle(started, port) {
  const { getContainerRuntimeClient } = await import('testcontainers');
  const client = await getContainerRuntimeClient();
  const container = client.container.getById(started.getId());
  return {
    kill: () => container.kill({ signal: 'SIGKILL' }),
    async start() {
      await container.start();
      const end = Date.now() + 60_000;
      while (!(await accepts(started.getHost(), port))) {
        if (Date.now() > end) throw new Error(`the container on port ${port} does not answer within a minute`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    signal: (signal) => void container.kill({ signal }).catch((error) => console.error(error)),
  };
}

async function accepts(host, port) {
  const socket = connect(port, host);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

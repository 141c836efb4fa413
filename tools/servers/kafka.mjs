import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, command } from './cache.mjs';
import { Child, freePort } from './child.mjs';

const file = (name) => fileURLToPath(new URL(`kafka/${name}`, import.meta.url));
const CLUSTER_ID = 'R3lyZS10ZXN0LWthZmthIQ';

/** Apache Kafka's jars, from Maven Central; needs mvn. @returns {Promise<string>} their directory */
function kafkaJars() {
  return cached('kafka', [file('pom.xml')], async (directory) => {
    await command('mvn', [
      '-q',
      '-B',
      '-f',
      file('pom.xml'),
      'dependency:copy-dependencies',
      `-DoutputDirectory=${directory}`,
    ]);
  });
}

/**
 * One Apache Kafka broker in KRaft mode, its own controller.
 * @param {{ directory: string, port?: number, deleteWith?: string, doors?: Record<string, number>, settings?: string[], format?: string[] }} where
 *   the data, and the port (default: a free one); further doors, each a security protocol and its port, with what they need of settings and of the
 *   arguments that format the data
 * @returns started: its address, and its process
 */
export async function startKafka({ directory, port, deleteWith, doors = {}, settings = [], format = [] }) {
  const jars = await kafkaJars();
  const [broker, controller] = [port ?? (await freePort()), await freePort()];
  mkdirSync(directory, { recursive: true });
  const properties = join(directory, 'server.properties');
  writeFileSync(
    properties,
    `${[...base(join(directory, 'log'), { PLAINTEXT: broker, ...doors }, controller), ...settings].join('\n')}\n`,
  );
  const java = ['-Xmx512m', '-XX:+UseSerialGC', `-Dlog4j2.configurationFile=${file('log4j2.properties')}`];
  const classes = ['-cp', join(jars, '*')];
  if (!existsSync(join(directory, 'log', 'meta.properties'))) {
    const tool = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', properties, ...format];
    await command('java', ['-XX:TieredStopAtLevel=1', ...classes, ...tool]);
  }
  const child = new Child(
    { name: 'Apache Kafka', command: 'java', args: [...java, ...classes, 'kafka.Kafka', properties] },
    join(directory, 'kafka.out'),
    (logged) => logged.includes('Kafka Server started'),
    deleteWith,
  );
  await child.start();
  return { address: `127.0.0.1:${broker}`, child };
}

function base(log, doors, controller) {
  const listeners = Object.entries(doors).map(([protocol, port]) => `${protocol}://127.0.0.1:${port}`);
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controller}`,
    `listeners=${listeners.join(',')},CONTROLLER://127.0.0.1:${controller}`,
    `advertised.listeners=${listeners.join(',')}`,
    'controller.listener.names=CONTROLLER',
    `listener.security.protocol.map=CONTROLLER:PLAINTEXT,${Object.keys(doors)
      .map((each) => `${each}:${each}`)
      .join(',')}`,
    `log.dirs=${log.replaceAll('\\', '/')}`,
    'auto.create.topics.enable=false',
    // Killed and started again, a broker waits until its old session has ended.
    'broker.session.timeout.ms=4000',
    'broker.heartbeat.interval.ms=1000',
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=4',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
    // Tests kill members of groups, and wait for the others to take over.
    'group.min.session.timeout.ms=500',
    // Some tests have clocks that began in 1970.
    'log.retention.check.interval.ms=86400000',
  ];
}

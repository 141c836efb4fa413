/** `npm run servers`: Kafka and MongoDB for a person, until Ctrl-C. */
import { parseArgs } from 'node:util';
import { startServers } from './index.mjs';

const { values } = parseArgs({ options: { 'kafka-port': { type: 'string' }, 'mongodb-port': { type: 'string' } } });
console.error('Starting Kafka and MongoDB (the first time without Docker takes minutes: they are fetched and built) …');
try {
  const ports = { kafka: port('kafka-port', 9092), mongodb: port('mongodb-port', 27017) };
  const servers = await startServers({ ports });
  const { kafka, mongodb } = servers;
  console.log(`
Kafka    ${kafka.address}
MongoDB  ${mongodb.url}

They run as ${servers.by}, until Ctrl-C; then their data is deleted. In another terminal:

  export GYRE_TEST_KAFKA=${kafka.address} GYRE_TEST_MONGODB='${mongodb.url}'
  npm test -- cluster              # tests use these servers instead of their own
  npx gyre replay examples/data/sea_abrupt.csv.gz --spec examples/sea_abrupt.yaml --step 1000 \\
    --platform cluster --kafka ${kafka.address} --mongodb '${mongodb.url}'
`);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.once(signal, async () => {
      await servers.stop();
      process.exit(0);
    });
  setInterval(() => undefined, 2 ** 30);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}

function port(option, usual) {
  const number = Number(values[option] ?? usual);
  if (Number.isInteger(number) && number > 0 && number < 65536) return number;
  throw new Error(`--${option} takes a port from 1 to 65535, got ${values[option]}`);
}

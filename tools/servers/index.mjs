import { request } from 'node:http';
import { freePort } from './child.mjs';
import { hasContainers, inContainers } from './containers.mjs';
import { inProcesses, missingPrograms } from './processes.mjs';

export { freePort };

/** Servers of the caller's own; they end with the caller's process. Throws if they cannot be had here. */
export async function startServers({ ports } = {}) {
  if (await hasContainers()) return inContainers(ports);
  const missing = missingPrograms();
  if (missing.length > 0) {
    const list = missing.join(', ');
    throw new Error(
      `no Kafka and no MongoDB can be started here: there is no Docker, and without it ${list} must be on the PATH, but ` +
        `${missing.length === 1 ? 'is' : 'are'} not (Debian: apt-get install default-jre-headless maven golang-go)`,
    );
  }
  return inProcesses(ports);
}

/** The addresses of the servers that all tests of a run share; the first to ask has them started. */
export async function testServers() {
  const { GYRE_TEST_KAFKA: kafka, GYRE_TEST_MONGODB: mongodb, GYRE_TEST_SERVERS_AT: desk } = process.env;
  if (kafka && mongodb) return { kafka, mongodb };
  if (kafka || mongodb) throw new Error('set GYRE_TEST_KAFKA and GYRE_TEST_MONGODB both, or neither');
  if (!desk) throw new Error('testServers() is for tests: they share what tools/servers/jest-setup.mjs starts');
  const answer = JSON.parse(await get(desk));
  if (answer.missing !== undefined && process.env.GYRE_TEST_SERVERS === 'required') throw new Error(answer.missing);
  return answer;
}

/** Like `describe`, for what needs Kafka and MongoDB: where there are none its tests are counted as skipped, and it is said why. */
export function describeOnServers(name, servers, body) {
  if (servers.missing === undefined) return describe(name, () => body(servers));
  console.error(`SKIPPED, for want of servers: ${name}\n${servers.missing}`);
  return describe.skip(name, () => body({ kafka: 'none', mongodb: 'none' }));
}

/** Without a time limit, which `fetch` has: the first run on a machine compiles a server. */
function get(url) {
  return new Promise((resolve, reject) => {
    request(url, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => (body += text));
      response.once('end', () => resolve(body)).once('error', reject);
    })
      .once('error', reject)
      .end();
  });
}

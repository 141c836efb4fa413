import { createServer } from 'node:http';
import { once } from 'node:events';
import { startServers } from './index.mjs';

/** Jest's global setup: a desk where tests ask for servers. The first who asks has them started; who asks for none waits for none. */
export default async function setup() {
  let servers;
  const desk = createServer(async (_, response) => {
    servers ??= startServers();
    try {
      const { kafka, mongodb } = await servers;
      response.end(JSON.stringify({ kafka: kafka.address, mongodb: mongodb.url }));
    } catch (error) {
      response.end(JSON.stringify({ missing: error.message }));
    }
  });
  desk.requestTimeout = 0;
  desk.listen(0, '127.0.0.1').unref();
  await once(desk, 'listening');
  process.env.GYRE_TEST_SERVERS_AT = `http://127.0.0.1:${desk.address().port}/`;
  globalThis.stopTestServers = async () => {
    desk.close();
    await (await servers?.catch(() => undefined))?.stop();
  };
}

import { startServers } from '../../../tools/servers/index.mjs';

/** A process of `servers.spec.ts`: starts servers, tells where they are, kills them and starts them again when told to. */
const servers = await startServers();
const tell = () => process.send?.({ kafka: servers.kafka.address, mongodb: servers.mongodb.url });
process.on('message', async () => {
  await Promise.all([servers.kafka.kill(), servers.mongodb.kill()]);
  await Promise.all([servers.kafka.start(), servers.mongodb.start()]);
  tell();
});
tell();

import { startServers } from '../../../tools/servers/index.mjs';
import type { Order } from './own-servers.js';

/** A process of a spec: starts servers, tells where they are, and kills them and starts them again when told to. */
const servers = await startServers();
const both = [servers.kafka, servers.mongodb];
const tell = () => process.send?.({ kafka: servers.kafka.address, mongodb: servers.mongodb.url });
process.on('message', async ({ word, only }: Order) => {
  const meant = only === undefined ? both : [servers[only]];
  if (word !== 'start') await Promise.all(meant.map((server) => server.kill()));
  if (word !== 'kill') await Promise.all(meant.map((server) => server.start()));
  tell();
});
tell();

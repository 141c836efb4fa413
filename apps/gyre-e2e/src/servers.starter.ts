import { startServers } from '../../../tools/servers/index.mjs';

/** A process of a spec: starts servers, tells where they are, and kills them and starts them again when told to. */
const servers = await startServers();
const both = [servers.kafka, servers.mongodb];
const tell = () => process.send?.({ kafka: servers.kafka.address, mongodb: servers.mongodb.url });
process.on('message', async (word: 'kill' | 'start' | 'kill and start') => {
  if (word !== 'start') await Promise.all(both.map((server) => server.kill()));
  if (word !== 'kill') await Promise.all(both.map((server) => server.start()));
  tell();
});
tell();

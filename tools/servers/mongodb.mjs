import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, command } from './cache.mjs';
import { Child, freePort } from './child.mjs';

const source = fileURLToPath(new URL('mongodb/', import.meta.url));
const program = process.platform === 'win32' ? 'mongodb.exe' : 'mongodb';

/** FerretDB as a program; needs go, and some minutes the first time. @returns {Promise<string>} its path */
async function mongodbProgram() {
  const sources = ['go.mod', 'go.sum', 'main.go'].map((name) => join(source, name));
  const directory = await cached('mongodb', sources, async (made) => {
    await command('go', ['build', '-trimpath', '-o', join(made, program), '.'], source);
  });
  return join(directory, program);
}

/**
 * One server that speaks MongoDB's wire protocol: FerretDB over SQLite. It has no transactions, change streams or TTL indexes.
 * @param {{ directory: string, port?: number, deleteWith?: string }} where the data, and the port (default: a free one)
 * @returns started: its address as a connection string, and its process
 */
export async function startMongodb({ directory, port, deleteWith }) {
  const command = await mongodbProgram();
  const address = `127.0.0.1:${port ?? (await freePort())}`;
  const data = join(directory, 'data');
  mkdirSync(data, { recursive: true });
  const child = new Child(
    { name: 'FerretDB', command, args: [address, data] },
    join(directory, 'mongodb.out'),
    () => answers(address),
    deleteWith,
  );
  await child.start();
  return { url: `mongodb://${address}/`, child };
}

async function answers(address) {
  const [host, port] = address.split(':');
  const socket = connect(Number(port), host);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

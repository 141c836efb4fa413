import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  const directory = await cached('mongodb', [...sources, fileURLToPath(import.meta.url)], async (made) => {
    const build = join(made, 'build');
    cpSync(source, build, { recursive: true });
    await findsByIndex(build);
    await command('go', ['build', '-trimpath', '-o', join(made, program), '.'], build);
    rmSync(build, { recursive: true });
  });
  return join(directory, program);
}

/**
 * Gives a module a mended FerretDB to be built with. As it is, 1.24 makes an index of ids and then looks them up by another spelling of the expression,
 * which SQLite takes for another: each look-up, update and delete of one document reads the whole collection.
 */
async function findsByIndex(module) {
  await command('go', ['mod', 'vendor'], module);
  const file = join(module, 'vendor/github.com/FerretDB/FerretDB/internal/backends/sqlite/metadata/metadata.go');
  const text = readFileSync(file, 'utf8');
  const looked = `DefaultColumn + "->'$._id'"`;
  if (!text.includes(looked))
    throw new Error(`FerretDB has changed; see whether it finds ids by their index now: ${file}`);
  writeFileSync(file, text.replace(looked, 'DefaultColumn + `->"_id"`'));
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

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKafka } from './kafka.mjs';
import { startMongodb } from './mongodb.mjs';

/** What must be on the PATH to have servers without Docker, and what is not. */
export function missingPrograms() {
  const needed = { java: ['-version'], mvn: ['-version'], go: ['version'] };
  return Object.keys(needed).filter((name) => {
    try {
      execFileSync(name, needed[name], { stdio: 'ignore', shell: process.platform === 'win32' });
      return false;
    } catch {
      return true;
    }
  });
}

/** Apache Kafka from its jars and FerretDB, as child processes on the loopback, with data in temporary directories. */
export async function inProcesses(ports = {}) {
  const directories = { kafka: temporary('kafka'), mongodb: temporary('mongodb') };
  const options = (name) => ({ directory: directories[name], deleteWith: directories[name], port: ports[name] });
  const started = await Promise.allSettled([startKafka(options('kafka')), startMongodb(options('mongodb'))]);
  const clear = async () => {
    await Promise.all(started.map(({ value }) => value?.child.kill()));
    for (const directory of Object.values(directories)) rmSync(directory, { recursive: true, force: true });
  };
  const failed = started.find(({ status }) => status === 'rejected');
  if (failed !== undefined) {
    await clear();
    throw failed.reason;
  }
  const [kafka, mongodb] = started.map(({ value }) => value);
  const handle = ({ child }) => ({
    kill: () => child.kill(),
    start: () => child.start(),
    signal: (signal) => child.signal(signal),
  });
  return {
    by: 'processes',
    kafka: { address: kafka.address, ...handle(kafka) },
    mongodb: { url: mongodb.url, ...handle(mongodb) },
    stop: clear,
  };
}

function temporary(name) {
  return mkdtempSync(join(tmpdir(), `gyre-${name}-`));
}

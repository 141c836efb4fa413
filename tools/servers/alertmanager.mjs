import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from './cache.mjs';
import { Child, freePort } from './child.mjs';

/** Debian's package, and its program; it looks for its templates where the package puts them. */
const PACKAGE = 'prometheus-alertmanager';

/** An Alertmanager of the caller's own that tells nobody. It ends with the caller's process. @throws Error where it cannot be had, saying why */
export async function startAlertmanager(directory) {
  await command(PACKAGE, ['--version']).catch((error) => {
    throw new Error(`no Alertmanager can be started here (Debian: apt-get install ${PACKAGE}): ${error.message}`);
  });
  mkdirSync(directory, { recursive: true });
  const config = join(directory, 'alertmanager.yml');
  writeFileSync(config, 'route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n');
  const address = `127.0.0.1:${await freePort()}`;
  const child = new Child(
    {
      name: 'Alertmanager',
      command: PACKAGE,
      args: [
        `--config.file=${config}`,
        `--storage.path=${join(directory, 'data')}`,
        `--web.listen-address=${address}`,
        '--cluster.listen-address=',
      ],
    },
    join(directory, 'alertmanager.out'),
    () =>
      fetch(`http://${address}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    directory,
  );
  await child.start();
  return { url: `http://${address}`, stop: () => child.kill() };
}

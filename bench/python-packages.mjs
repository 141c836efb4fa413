import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * A Python that has the packages, in a folder of its own that is kept; made on first use.
 *
 * @param {string} name of the folder in bench/.python
 * @param {string[]} packages with their versions
 * @returns {string | undefined} its path; undefined, and said loudly why, where there is no Python or no way to the packages
 */
export function pythonWith(name, packages) {
  const folder = fileURLToPath(new URL(`./.python/${name}`, import.meta.url));
  const python = `${folder}/bin/python`;
  const done = `${folder}/lib`;
  if (existsSync(python) && existsSync(done) && works(python, packages)) return python;
  console.error(`Installing ${packages.join(' and ')} into ${folder}; this is needed once and takes some minutes …`);
  for (const [command, ...args] of [
    ['python3', '-m', 'venv', folder],
    [python, '-m', 'pip', 'install', '--quiet', ...packages],
  ]) {
    const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    if (error === undefined && status === 0) continue;
    const why = error?.message ?? (stderr.trim().split('\n').at(-1) || `exit code ${status}`);
    console.log(
      `\nSKIPPED: nothing is compared with ${packages.join(' and ')}, for \`${command} ${args[0]} …\` failed: ${why}`,
    );
    return undefined;
  }
  return python;
}

function works(python, packages) {
  const wanted = packages.map((one) => one.split('=='));
  const check = wanted.map(([name, version]) => `assert version("${name}") == "${version}"`).join('; ');
  return spawnSync(python, ['-c', `from importlib.metadata import version; ${check}`]).status === 0;
}

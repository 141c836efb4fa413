/**
 * Takes the steps of infra/docker/Dockerfile in a plain folder, for where there is no Docker: assembles what the image holds from a clean copy of the
 * tree, starts it with the Dockerfile's own entry point, as nobody in particular, and asks its health check.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const NOBODY = 65_534;
const PATIENCE_MS = 60_000;

const place = mkdtempSync(join(tmpdir(), 'gyre-image-'));
const [build, gyre, data, bin] = ['build', 'gyre', 'data', 'bin'].map((name) => join(place, name));
chmodSync(place, 0o755);
let running;
try {
  const ignored = readFileSync(join(root, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map(
      (line) =>
        new RegExp(`^${line.startsWith('**/') ? '(.*/)?' : ''}${line.replace('**/', '').replaceAll('.', '\\.')}(/|$)`),
    );
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
    .trim()
    .split('\n');
  for (const file of files.filter((name) => !ignored.some((pattern) => pattern.test(name)))) {
    mkdirSync(join(build, dirname(file)), { recursive: true });
    cpSync(join(root, file), join(build, file));
  }
  mkdirSync(bin);
  copyFileSync(join(root, 'node_modules/.bin/node'), join(bin, 'node'));
  const path = `${bin}:${process.env.PATH}`;

  const dockerfile = readFileSync(join(root, 'infra/docker/Dockerfile'), 'utf8').replaceAll('\\\n', ' ');
  const instruction = (name) => JSON.parse(new RegExp(`^${name} (?:.*CMD )?(\\[.*\\])$`, 'm').exec(dockerfile)[1]);
  const assemble = /^RUN --mount=\S+ (.*)$/m.exec(dockerfile)[1].replace(' /gyre', ` ${gyre}`);
  execFileSync('sh', ['-c', assemble], {
    cwd: build,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, PATH: path },
  });
  rmSync(build, { recursive: true });

  mkdirSync(data);
  const user = process.getuid() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  if (user.uid !== undefined) chownSync(data, NOBODY, NOBODY);
  const inPlace = ([program, ...args]) => [program, args.map((argument) => argument.replace(/^\/gyre\//, `${gyre}/`))];
  const options = { cwd: data, env: { PATH: `${bin}:/usr/bin:/bin`, NODE_ENV: 'production', HOME: data }, ...user };
  running = spawn(...inPlace([...instruction('ENTRYPOINT'), ...instruction('CMD')]), { ...options, stdio: 'inherit' });
  const [check, checkArgs] = inPlace(instruction('HEALTHCHECK'));
  for (const began = Date.now(); ; await new Promise((resolve) => setTimeout(resolve, 200))) {
    if (running.exitCode !== null) throw new Error(`it ended with ${running.exitCode}`);
    const [code] = await once(spawn(check, checkArgs, { ...options, stdio: 'ignore' }), 'exit');
    if (code === 0) break;
    if (Date.now() - began > PATIENCE_MS) throw new Error('it is not healthy within a minute');
  }
  const pages = await (await fetch('http://127.0.0.1:8080/')).text();
  if (!pages.includes('<div id=')) throw new Error('the console has no pages');
  running.kill('SIGTERM');
  const [code] = await once(running, 'exit');
  if (code !== 0) throw new Error(`stopped, it ended with ${code}`);
  const size = execFileSync('du', ['-sm', gyre], { encoding: 'utf8' }).split('\t')[0];
  console.log(`The image's steps make a Gyre of ${size} MB that starts, is healthy and stops.`);
} finally {
  running?.kill('SIGKILL');
  rmSync(place, { recursive: true, force: true });
}

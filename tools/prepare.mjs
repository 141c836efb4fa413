import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pinnedNode, root, run } from './pinned-node.mjs';

/** Installs and builds what is missing or older than its source, and says so. What it prints goes to standard error. */
export async function prepare() {
  if (!isInstalled()) {
    console.error('Installing dependencies (npm ci); this is needed once …');
    await must('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  const node = pinnedNode();
  if (!isBuilt()) {
    console.error('Building …');
    await must(node, [
      join(root, 'node_modules/nx/dist/bin/nx.js'),
      'run-many',
      '-t',
      'build',
      '--output-style=static',
      '--skip-nx-cache=false',
    ]);
  }
  return node;
}

function isInstalled() {
  const stamp = join(root, 'node_modules/.package-lock.json');
  return existsSync(stamp) && statSync(stamp).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
}

/** Whether every project has an output, and none is older than its newest source. */
function isBuilt() {
  const projects = ['apps', 'libs'].flatMap((group) =>
    readdirSync(join(root, group)).map((name) => join(root, group, name)),
  );
  return projects.every((project) => {
    const source = join(project, 'src');
    if (!existsSync(join(project, 'project.json'))) return true;
    const output = join(project, 'dist');
    return existsSync(output) && (!existsSync(source) || newest(output) >= newest(source));
  });
}

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

async function must(command, args) {
  const code = await run(command, args, { quiet: true, cwd: root });
  if (code === 0) return;
  console.error(`\`${[command, ...args].join(' ')}\` failed (exit code ${code}); its output stands above.`);
  process.exit(code);
}

import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** What `nx lint` says of a project into which a file was planted. */
function lintWith(project: string, file: string, source: string): { failed: boolean; output: string } {
  const path = join(root, file);
  writeFileSync(path, source);
  try {
    const env = { ...process.env, NX_DAEMON: 'false', NODE_OPTIONS: '' };
    const output = execFileSync(
      process.execPath,
      [join(root, 'node_modules/nx/dist/bin/nx.js'), 'lint', project, '--skip-nx-cache'],
      { cwd: root, env, encoding: 'utf8', stdio: 'pipe' },
    );
    return { failed: false, output };
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return { failed: true, output: `${stdout}${stderr}` };
  } finally {
    rmSync(path);
  }
}

/** What is planted, the project whose lint refuses it, where, the source, and the complaint. */
const PLANTED: [string, string, string, string, RegExp][] = [
  [
    'the domain needs nobody',
    'drift',
    'libs/drift/src/planted.ts',
    "import { Platform } from '@gyre/platform';\nexport const planted = Platform;\n",
    /layer:domain/,
  ],
  [
    'services meet only in contracts',
    'registry',
    'apps/registry/src/planted.ts',
    "import { TrainerModule } from '@gyre/trainer';\nexport const planted = TrainerModule;\n",
    /layer:service/,
  ],
  [
    'contracts need nothing but zod',
    'contracts',
    'libs/contracts/src/planted.ts',
    "import pino from 'pino';\nexport const planted = pino;\n",
    /pino/,
  ],
  [
    'the domain has no clock',
    'learning',
    'libs/learning/src/planted.ts',
    'export const planted = Date.now();\n',
    /Take the time from the event/,
  ],
];

describe('module boundaries', () => {
  // A run that was killed in between leaves its file in the source, and everything else fails by it.
  beforeAll(() => {
    for (const [, , file] of PLANTED) rmSync(join(root, file), { force: true });
  });

  it.each(PLANTED)(
    '%s: lint refuses a planted violation',
    (_, project, file, source, complaint) => {
      const { failed, output } = lintWith(project, file, source);
      expect(output).toMatch(complaint);
      expect(failed).toBe(true);
    },
    120_000,
  );
});

import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const here = fileURLToPath(new URL('..', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));
const tsc = join(root, 'node_modules/typescript/bin/tsc');

describe('@gyre/drift as a package', () => {
  it('can be packed, installed by itself, typed against and run', async () => {
    // What is packed is a copy: the folder itself is being tested by others.
    const [copy, consumer] = ['package', 'consumer'].map((name) => mkdtempSync(join(tmpdir(), `gyre-drift-${name}-`)));
    for (const name of ['dist', 'package.json', 'README.md', 'LICENSE', 'API.md'])
      cpSync(join(here, name), join(copy!, name), { recursive: true });
    await run(process.execPath, [tsc, '-p', join(here, 'tsconfig.package.json'), '--outDir', join(copy!, 'dist')]);
    const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', consumer!], {
      cwd: copy!,
    });
    const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
    const paths = files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'API.md', 'dist/index.js', 'dist/index.d.ts']),
    );
    expect(paths.filter((path) => /spec|behaves-like|testdata|^src/.test(path))).toEqual([]);
    const manifest = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8')) as Record<string, unknown>;
    expect([manifest['private'], manifest['dependencies'], manifest['license']]).toEqual([
      undefined,
      undefined,
      'Apache-2.0',
    ]);

    const installed = join(consumer!, 'node_modules/@gyre/drift');
    mkdirSync(installed, { recursive: true });
    await run('tar', ['-xzf', join(consumer!, filename), '-C', installed, '--strip-components=1']);
    writeFileSync(join(consumer!, 'package.json'), '{ "type": "module" }');
    writeFileSync(
      join(consumer!, 'use.ts'),
      `import { Adwin, Cbpe, createDetector, type DriftDetector, type PerformanceEstimate } from '@gyre/drift';
      const detector: DriftDetector<unknown> = createDetector('ddm');
      const accuracy: PerformanceEstimate = Cbpe.fit([0.2, 0.8], [0, 1]).estimate([0.9]).accuracy;
      console.log(detector.update(0), accuracy.value, new Adwin().update(1));`,
    );
    const strict = ['--strict', '--module', 'nodenext', '--target', 'es2024', '--lib', 'es2024,dom'];
    await run(process.execPath, [tsc, ...strict, 'use.ts'], { cwd: consumer! });
    expect((await run(process.execPath, ['use.js'], { cwd: consumer! })).stdout).toBe('stable 0.9 stable\n');
  }, 300_000);

  it('has every export on its API page', async () => {
    await run(process.execPath, [join(root, 'tools/drift-api.mjs'), '--check']);
  }, 300_000);
});

import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const library = fileURLToPath(new URL('../libs/drift/dist/index.js', import.meta.url));

/**
 * What a web page that imports so much of the drift library has to load.
 *
 * @param {string} what is exported: `*`, or names in braces
 * @returns {Promise<{ minified: number, gzipped: number }>} bytes
 */
export async function bundleSize(what) {
  const entry = 'virtual:entry';
  const plugin = {
    name: 'entry',
    resolveId: (id) => (id.endsWith(entry) ? `\0${entry}` : undefined),
    load: (id) => (id === `\0${entry}` ? `export ${what} from ${JSON.stringify(library)};` : undefined),
  };
  const [{ output }] = await build({
    configFile: false,
    logLevel: 'error',
    plugins: [plugin],
    build: { write: false, minify: true, target: 'es2024', lib: { entry, formats: ['es'], fileName: 'bundle' } },
  });
  const code = output.find(({ type }) => type === 'chunk').code;
  return { minified: Buffer.byteLength(code), gzipped: gzipSync(code).length };
}

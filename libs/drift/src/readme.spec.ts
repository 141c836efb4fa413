import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const examples = [...readme.matchAll(/```js\n(.*?)```\n\n```text\n(.*?)```/gs)].map(([, code, prints]) => ({
  code,
  prints,
}));

describe('README.md', () => {
  it.each(examples)('prints what it says it prints (example %#)', ({ code, prints }) => {
    const printed = execFileSync(process.execPath, ['--input-type=module', '--eval', code!], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(printed).toBe(prints);
  });

  it('has an example for each part', () => {
    expect(examples).toHaveLength(5);
  });
});

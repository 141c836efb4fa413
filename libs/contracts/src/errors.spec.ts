import { readFileSync } from 'node:fs';
import { errors, type ErrorCode } from './errors.js';

const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');

/** What the page says, by code. */
const sections = new Map(
  [...page.matchAll(/^## ([A-Z_]+)\n([\s\S]*?)(?=^#|(?![\s\S]))/gm)].map(([, code, text]) => [
    code as string,
    text as string,
  ]),
);

describe('docs/errors.md', () => {
  it.each(Object.keys(errors) as ErrorCode[])(
    'says of %s what its status is, when it is met and what to do',
    (code) => {
      const { http, grpc, retry } = errors[code];
      const section = sections.get(code);
      expect(section).toContain(`\nHTTP ${http} · gRPC ${grpc} · retry: ${retry ? 'yes' : 'no'}\n`);
      expect(section).toMatch(/\n\*\*When\*\*: \S/);
      expect(section).toMatch(/\n\*\*What to do\*\*: \S/);
    },
  );

  it('knows no code that is gone', () => {
    expect([...sections.keys()].filter((code) => !(code in errors))).toEqual([]);
  });
});

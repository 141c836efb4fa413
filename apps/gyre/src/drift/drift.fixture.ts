import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../cli.js';
import { linesOf } from '../terminal.js';

/** Where a spec's files lie. */
export const folder = mkdtempSync(join(tmpdir(), 'gyre-drift-'));

/** Runs `gyre drift` within the test's process. */
export async function gyre(argv: string[], stdin = '') {
  const said = { out: '', err: '', code: -1 };
  const chunks = async function* () {
    // Cut within lines, as a pipe may.
    for (let at = 0; at < stdin.length; at += 5) yield Buffer.from(stdin.slice(at, at + 5));
  };
  const terminal = {
    write: (text: string) => void (said.out += text),
    note: (text: string) => void (said.err += text),
    readStdin: async () => Buffer.from(stdin),
    stdinLines: () => linesOf(chunks()),
    env: {},
    watched: false,
  };
  said.code = await runCli(['drift', ...argv], terminal);
  return said;
}

export function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Numbers that look like chance and are always the same. */
export function draws(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

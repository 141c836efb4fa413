import { Command } from 'commander';
import { ApiClient } from './api-client.js';
import type { Terminal } from './terminal.js';

const DEFAULT_URL = 'http://127.0.0.1:8080';

/** What a command that talks to a running Gyre works with. */
export interface Invocation {
  api: ApiClient;
  json: boolean;
  terminal: Terminal;
}

/** A command that talks to a running Gyre over HTTP: with --url and --json. */
export function remote(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--url <url>', `address of the running Gyre (default: GYRE_URL, else ${DEFAULT_URL})`)
    .option('--json', 'print exactly one JSON value on standard output');
}

export function invocation(command: Command, terminal: Terminal): Invocation {
  const { url, json } = command.opts<{ url?: string; json?: boolean }>();
  const token = terminal.env['GYRE_TOKEN'];
  return {
    api: new ApiClient({ url: url ?? terminal.env['GYRE_URL'] ?? DEFAULT_URL, token }),
    json: json === true,
    terminal,
  };
}

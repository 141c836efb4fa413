import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { ApiClient } from './api-client.js';
import { UsageError } from './failures.js';
import type { Terminal } from './terminal.js';
import type { TlsFiles } from './tls-fetch.js';

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
  const token = terminal.env['GYRE_TOKEN'] || undefined;
  return {
    api: new ApiClient({ url: addressOf(url, terminal.env), token, ...tlsOf(terminal.env) }),
    json: json === true,
    terminal,
  };
}

/** @throws UsageError for what is no address, which else would look like a Gyre that is not there */
function addressOf(flag: string | undefined, env: Terminal['env']): string {
  // A variable that is set to nothing is as good as none.
  const address = flag ?? (env['GYRE_URL'] || DEFAULT_URL);
  if (/^https?:$/.test(URL.parse(address)?.protocol ?? '')) return address;
  const source = flag === undefined ? 'GYRE_URL' : '--url';
  throw new UsageError(`${source} is "${address}", which is no address; write for example ${DEFAULT_URL}`);
}

/** GYRE_CA_FILE, GYRE_CERT_FILE, GYRE_KEY_FILE. @throws UsageError for one that cannot be read, or half a pair */
function tlsOf(env: Terminal['env']): { tls?: TlsFiles } {
  const pem = (variable: string): Buffer | undefined => {
    const file = env[variable];
    if (file === undefined || file === '') return undefined;
    try {
      return readFileSync(file);
    } catch (error) {
      throw new UsageError(`${variable} names ${file}, which cannot be read: ${(error as Error).message}`);
    }
  };
  const [ca, cert, key] = [pem('GYRE_CA_FILE'), pem('GYRE_CERT_FILE'), pem('GYRE_KEY_FILE')];
  if ((cert === undefined) !== (key === undefined))
    throw new UsageError('GYRE_CERT_FILE and GYRE_KEY_FILE belong together; set both or neither');
  if (ca === undefined && cert === undefined) return {};
  return { tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) } };
}

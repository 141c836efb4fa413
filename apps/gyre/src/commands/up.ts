import { Command } from 'commander';
import { UsageError } from '../failures.js';
import type { Terminal } from '../terminal.js';

interface Flags {
  dataDir?: string;
  config?: string;
  httpPort?: string;
  grpcPort?: string;
}

export const startUp = (terminal: Terminal): Command =>
  new Command('up')
    .description('run services, all of them unless some are named, until Ctrl-C')
    .argument('[service...]', 'the services to run in this process')
    .option('--data-dir <dir>', 'where the embedded platform keeps everything (default: gyre-data)')
    .option('--config <file>', 'settings (default: GYRE_CONFIG, else ./gyre.yaml if there is one)')
    .option('--http-port <port>', 'console, REST and metrics (default: 8080)')
    .option('--grpc-port <port>', 'predictions and features (default: 8081)')
    .action(async (only: string[], flags: Flags) => {
      const [{ up }, { services }, { existsSync }] = await Promise.all([
        import('../up.js'),
        import('../services.js'),
        import('node:fs'),
      ]);
      const names = services.map(({ name }) => name);
      const unknown = only.filter((name) => !names.includes(name));
      if (unknown.length > 0)
        throw new UsageError(`no service is called ${unknown.join(', ')}; there are: ${names.join(', ')}`);
      const host = await up({
        ...(only.length > 0 ? { only } : {}),
        dataDir: flags.dataDir,
        configFile: flags.config ?? terminal.env['GYRE_CONFIG'] ?? (existsSync('gyre.yaml') ? 'gyre.yaml' : undefined),
        env: terminal.env,
        overrides: { http: port(flags.httpPort), grpc: port(flags.grpcPort) },
      });
      const grpc = host.grpcAddress === '' ? '' : `   gRPC: ${host.grpcAddress}`;
      terminal.note(`Gyre runs. Console and REST: ${host.httpUrl}${grpc}   (Ctrl-C stops it)\n`);
      await untilStopped();
      terminal.note('Stopping: no more calls are taken, what has begun is ended.\n');
      await host.stop();
    });

function port(text: string | undefined): Record<string, unknown> {
  if (text === undefined) return {};
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535)
    throw new UsageError(`"${text}" is no port; ports are 0 to 65535, and 0 takes a free one`);
  return { port: value };
}

/** The first Ctrl-C stops in order, the second at once. */
function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      process.once('SIGINT', () => process.exit(130));
      resolve();
    };
    process.once('SIGINT', stop).once('SIGTERM', stop);
  });
}

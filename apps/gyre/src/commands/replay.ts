import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { ApiClient } from '../api-client.js';
import { durationArgument, instantArgument, wholeNumber } from '../arguments.js';
import { Interrupted, Told, UsageError } from '../failures.js';
import { printJson } from '../output.js';
import type { Terminal } from '../terminal.js';
import type { PreparedReplay } from '../replay/driver.js';
import type { ReplayOptions } from '../replay/prepare.js';

interface Flags {
  spec: string;
  labelDelay: number;
  step: number;
  limit?: number;
  bootstrapRows?: number;
  dataDir?: string;
  resume?: boolean;
  interval: number;
  start: string;
  time?: string;
  serve?: boolean;
  json?: boolean;
  platform: 'embedded' | 'cluster';
  config?: string;
  kafka?: string;
  mongodb?: string;
}

export const replay = (terminal: Terminal): Command =>
  new Command('replay')
    .description('take a CSV file in time order round the whole circle, in a platform of its own, and tell how it went')
    .argument('<file>', 'a CSV file with a header row, plain or gzipped; rows count from 0')
    .addOption(new Option('--spec <file>', 'YAML with one model and the views that it reads').makeOptionMandatory())
    .addOption(
      new Option('--label-delay <rows>', 'how many rows later a label becomes known')
        .default(0)
        .argParser(wholeNumber(0)),
    )
    .addOption(
      new Option('--step <rows>', 'rows between which decisions take effect').default(50).argParser(wholeNumber(1)),
    )
    .addOption(new Option('--limit <rows>', 'only the first so many rows').argParser(wholeNumber(1)))
    .addOption(
      new Option(
        '--bootstrap-rows <rows>',
        'rows on which the first champion is trained (default: as the spec says, else 5 % of the file, at most 2000)',
      ).argParser(wholeNumber(20)),
    )
    .addOption(
      new Option('--interval <duration>', 'event time from row to row')
        .default(1_000, '1s')
        .argParser(durationArgument),
    )
    .addOption(
      new Option('--start <time>', 'event time of row 0').default('2000-01-01T00:00:00Z').argParser(instantArgument),
    )
    .addOption(
      new Option('--time <column>', "instead: the column that holds each row's time").conflicts(['interval', 'start']),
    )
    .option(
      '--data-dir <dir>',
      'keep the platform and the journal here (default: a temporary directory, removed at the end)',
    )
    .addOption(
      new Option('--platform <kind>', 'embedded, or cluster: on Kafka and MongoDB, in topics and a database of its own')
        .choices(['embedded', 'cluster'])
        .default('embedded'),
    )
    .option('--config <file>', 'cluster: settings with platform.kafka and platform.mongodb (default: GYRE_CONFIG)')
    .option('--kafka <brokers>', 'cluster: instead of settings, host:port of brokers, with commas between them')
    .option('--mongodb <url>', 'cluster: instead of settings, a connection string')
    .option('--resume', 'go on with the replay in --data-dir where it was stopped or killed')
    .option('--serve', 'when done, leave the platform and its console running until Ctrl-C')
    .option('--json', 'print the summary as exactly one JSON object on standard output')
    .action(async (file: string, flags: Flags) => {
      if (flags.resume === true && flags.dataDir === undefined)
        throw new UsageError('--resume needs the --data-dir of the replay that is to go on');
      for (const flag of ['config', 'kafka', 'mongodb'] as const)
        if (flags.platform === 'embedded' && flags[flag] !== undefined)
          throw new UsageError(`--${flag} is for --platform cluster; the embedded platform has no servers`);
      if (flags.dataDir !== undefined) return run(file, flags, flags.dataDir, terminal);
      const temporary = await mkdtemp(join(tmpdir(), 'gyre-replay-'));
      try {
        await run(file, flags, temporary, terminal);
      } finally {
        await rm(temporary, { recursive: true, force: true });
      }
    });

async function run(file: string, flags: Flags, directory: string, terminal: Terminal): Promise<void> {
  // Loaded here, so that other commands start without them.
  const [{ prepare }, { drive }, { opening }, { ProgressDisplay }, { refusedLabels, summaryTable }] = await Promise.all(
    [
      import('../replay/prepare.js'),
      import('../replay/drive.js'),
      import('../replay/opening.js'),
      import('../replay/progress.js'),
      import('../replay/summary-table.js'),
    ],
  );
  const { replay: prepared, past } = await prepare(optionsOf(file, flags), directory);
  const servers = await serversOf(flags, directory, terminal);
  const { rows } = prepared.fingerprint;
  const interrupt = onInterrupt();
  let isBalanced = true;
  try {
    const { startReplayPlatform } = await import('../up.js');
    const platform = await startReplayPlatform({
      dataDir: join(directory, 'platform'),
      ...(servers === undefined ? {} : { servers: servers.settings }),
    });
    const before = past?.answers.length;
    const first = opening({ file, rows, directory, resume: flags.resume === true, before });
    terminal.note(`${first}; console: ${platform.httpUrl}  gRPC: ${platform.grpcAddress}\n`);
    try {
      const display = new ProgressDisplay(terminal, rows, before ?? 0);
      const summary = await drive(prepared, platform, interrupt.signal, (progress) => display.update(progress)).finally(
        () => display.stop(),
      );
      if (flags.json === true) {
        printJson(terminal, summary);
        // Whatever reads the summary may look for other fields.
        terminal.note(refusedLabels(summary.reconciliation));
      } else terminal.write(summaryTable(summary));
      isBalanced = summary.reconciliation.balanced;
      if (flags.serve === true)
        await untilInterrupted(interrupt.signal, platform, endOf(prepared.fingerprint), terminal);
    } finally {
      await platform.stop();
    }
  } catch (error) {
    throw error instanceof Interrupted ? new Interrupted(resumeAdvice(flags)) : error;
  } finally {
    interrupt.end();
    if (flags.dataDir === undefined) await servers?.remove();
  }
  if (!isBalanced) throw new Told('the accounts do not balance');
}

/** Kafka and MongoDB, where the replay runs on them. */
async function serversOf(flags: Flags, directory: string, { env }: Terminal) {
  if (flags.platform === 'embedded') return undefined;
  const { replayServers, removeReplay } = await import('../replay/servers.js');
  const config = flags.config ?? env['GYRE_CONFIG'];
  const settings = replayServers({ ...flags, ...(config === undefined ? {} : { config }) }, directory, env);
  return { settings, remove: () => removeReplay(settings) };
}

function optionsOf(file: string, flags: Flags): ReplayOptions {
  return {
    file,
    spec: flags.spec,
    labelDelay: flags.labelDelay,
    step: flags.step,
    limit: flags.limit,
    bootstrapRows: flags.bootstrapRows,
    start: Date.parse(flags.start),
    intervalMs: flags.interval,
    timeColumn: flags.time ?? null,
    resume: flags.resume === true,
  };
}

/** The first Ctrl-C (or SIGTERM) ends cleanly, the second at once. */
function onInterrupt(): { signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const handle = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on('SIGINT', handle).on('SIGTERM', handle);
  return { signal: controller.signal, end: () => void process.off('SIGINT', handle).off('SIGTERM', handle) };
}

/** The event time of the last row; the clock's where a column holds the rows' times. */
function endOf({ start, intervalMs, rows, timeColumn }: PreparedReplay['fingerprint']): number {
  return timeColumn === null ? start + intervalMs * rows : Date.now();
}

/** From the end of the data on, time passes as the clock does, so that what a person commands is decided. */
async function untilInterrupted(
  signal: AbortSignal,
  { httpUrl, grpcAddress }: { httpUrl: string; grpcAddress: string },
  end: number,
  terminal: Terminal,
): Promise<void> {
  terminal.note(`\nThe platform goes on running; console: ${httpUrl}  gRPC: ${grpcAddress} (Ctrl-C stops it)\n`);
  const api = new ApiClient({ url: httpUrl });
  const began = Date.now();
  const ticker = setInterval(() => void api.settle(end + Date.now() - began).catch(() => undefined), 1_000);
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  clearInterval(ticker);
}

function resumeAdvice({ dataDir }: Flags): string {
  if (dataDir === undefined) return 'Stopped. Nothing was kept; with --data-dir DIR a replay can go on later.';
  return `Stopped. Run the same command again with --resume, and it goes on where it was.`;
}

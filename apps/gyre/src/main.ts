import { runCli } from './cli.js';
import { startUp } from './commands/up.js';
import { processTerminal } from './terminal.js';

// Whoever started this process through an IPC channel wants it to end with them.
if (process.send !== undefined) process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));

// Whoever read the output has seen enough: `gyre timeline … | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

process.exitCode = await runCli(process.argv.slice(2), processTerminal(), [startUp]);
process.removeAllListeners('disconnect');
if (process.connected) process.disconnect();
// What a failed command has left open must not keep the process alive, or nobody hears that it failed.
if (process.exitCode !== 0) setTimeout(() => process.exit(), 1_000).unref();

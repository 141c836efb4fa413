/**
 * Runs one server and dies with whoever started it: keeper.mjs COMMAND-AS-JSON [DIRECTORY-TO-DELETE]. Neither Kafka nor FerretDB watches its
 * parent; this process does, over its IPC channel, and kills the server when the channel closes, however the parent ended.
 */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';

const [{ command, args, env }, directory] = [JSON.parse(process.argv[2]), process.argv[3]];
const server = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } });

// Signals of the terminal and of service managers are the parent's to answer.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
process.on('message', (signal) => server.kill(signal));
process.on('disconnect', () => server.kill('SIGKILL'));
server.once('error', (error) => {
  console.error(`${command} does not start: ${error.message}`);
  end(127);
});
server.once('exit', (code, signal) => end(code ?? (signal === null ? 1 : 137)));

function end(code) {
  if (!process.connected && directory !== undefined) rmSync(directory, { recursive: true, force: true });
  process.exit(code);
}

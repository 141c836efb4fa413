import { createWriteStream, existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { invocation, remote } from '../command.js';
import { UsageError } from '../failures.js';
import { withoutLeftovers } from '../leftovers.js';
import { count, printJson } from '../output.js';
import type { Terminal } from '../terminal.js';

export const backup = (terminal: Terminal): Command =>
  remote('backup', 'write all that a running Gyre on the embedded platform keeps into a tar archive, and verify it')
    .argument('<file>', 'a new file, such as gyre-2026-11-22.tar')
    .action(async (file: string, _options, command: Command) => {
      if (existsSync(file)) throw new UsageError(`${file} is there already; give a new name`);
      const { api, json } = invocation(command, terminal);
      const partial = `${file}.partial`;
      await withoutLeftovers([partial], async () => {
        await pipeline(await api.backup(), createWriteStream(partial, { flush: true }));
        const { readBackup } = await import('../backup/restore.js');
        const { takenAt, files } = await readBackup(partial);
        await rename(partial, file);
        const bytes = files.reduce((sum, { size }) => sum + size, 0);
        if (json) printJson(terminal, { file, takenAt, files: files.length, bytes });
        else
          terminal.write(`${file}: ${count(files.length)} files, ${count(bytes)} bytes, as of ${takenAt}; verified\n`);
      });
    });

export const restoreBackup = (terminal: Terminal): Command =>
  new Command('restore')
    .description('make a data directory of a backup; every file is verified')
    .argument('<file>', 'what `gyre backup` has written')
    .option('--data-dir <dir>', 'a new or empty directory', 'gyre-data')
    .option('--json', 'print exactly one JSON value on standard output')
    .action(async (file: string, flags: { dataDir: string; json?: boolean }) => {
      if (!existsSync(file)) throw new UsageError(`there is no file ${file}`);
      const { restore } = await import('../backup/restore.js');
      const { takenAt, files } = await restore(file, flags.dataDir);
      if (flags.json === true) printJson(terminal, { dataDir: flags.dataDir, takenAt, files: files.length });
      else
        terminal.write(
          `${flags.dataDir} is as it was at ${takenAt}; go on with \`gyre up --data-dir ${flags.dataDir}\`\n`,
        );
    });

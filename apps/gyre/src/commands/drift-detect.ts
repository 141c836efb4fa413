import { Command } from 'commander';
import { printJson } from '../output.js';
import type { Terminal } from '../terminal.js';

export const driftDetect = (terminal: Terminal): Command =>
  new Command('detect')
    .description(
      'read one number a line from standard input; print the 0-based rows at which a detector finds a change',
    )
    .requiredOption('--detector <name>', 'such as adwin, page-hinkley, cusum, ddm, hddm-a, kswin')
    .option(
      '--param <name=value>',
      'a parameter of the detector; may be repeated',
      (one, all: string[]) => [...all, one],
      [],
    )
    .option('--json', 'print exactly one JSON value on standard output')
    .addHelpText('after', '\n  gyre drift detect --detector adwin --param delta=0.01 < errors.txt')
    .action(async (options: { detector: string; param: string[]; json?: boolean }) => {
      const { detectIn, namedDetector } = await import('../drift/detect.js');
      const detector = namedDetector(options.detector, options.param);
      const rows = { drift: [] as number[], warning: [] as number[] };
      const values = await detectIn(detector, terminal.stdinLines(), ({ row, verdict }) => {
        rows[verdict].push(row);
        if (verdict === 'drift' && options.json !== true) terminal.write(`${row}\n`);
      });
      if (options.json === true)
        printJson(terminal, {
          detector: detector.name,
          options: detector.options,
          values,
          detections: rows.drift,
          warnings: rows.warning,
        });
      else {
        const changes = rows.drift.length === 1 ? 'change' : 'changes';
        terminal.note(
          `${rows.drift.length} ${changes} in ${values} ${values === 1 ? 'value' : 'values'} (${detector.name})\n`,
        );
      }
    });

import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { UsageError } from '../failures.js';
import { printJson } from '../output.js';
import type { Terminal } from '../terminal.js';

interface Flags {
  reference: string;
  current: string;
  tests?: string[];
  columns?: string[];
  alpha: number;
  correction: 'holm' | 'bonferroni' | 'benjamini-hochberg' | 'none';
  json?: boolean;
  html?: string;
}

export const driftCompare = (terminal: Terminal): Command =>
  new Command('compare')
    .description('compare the columns of two data files (CSV, plain or gzipped, or Parquet) and say which drifted')
    .requiredOption('--reference <file>', 'what was, such as the training data')
    .requiredOption('--current <file>', 'what is')
    .option(
      '--tests <list>',
      'two-sample tests, separated by commas (default: psi, ks, wasserstein-normed; of texts and few values psi, chi-square)',
      list,
    )
    .option('--columns <list>', 'only these columns, separated by commas', list)
    .option('--alpha <p>', 'a corrected p-value up to here is no chance', probability, 0.05)
    .addOption(
      new Option('--correction <name>', 'for many tests')
        .choices(['holm', 'bonferroni', 'benjamini-hochberg', 'none'])
        .default('holm'),
    )
    .option('--json', 'print exactly one JSON value on standard output')
    .option('--html <file>', 'write a report with plots, one file that needs nothing else')
    .addHelpText(
      'after',
      '\n  gyre drift compare --reference january.parquet --current february.csv.gz --html drift.html',
    )
    .action(async ({ reference, current, tests, columns, alpha, correction, json, html }: Flags) => {
      const { compareFiles } = await import('../drift/compare-files.js');
      const comparison = await compareFiles({
        reference,
        current,
        alpha,
        correction,
        ...(tests && { tests }),
        ...(columns && { columns }),
      });
      if (html !== undefined) {
        const { reportHtml } = await import('../drift/report-html.js');
        writeFileSync(html, reportHtml(comparison));
      }
      if (json === true) return printJson(terminal, comparison);
      const { comparisonText } = await import('../drift/comparison-text.js');
      terminal.write(comparisonText(comparison));
      if (html !== undefined) terminal.note(`The report with plots: ${html}\n`);
    });

function list(text: string): string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

function probability(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value < 1) return value;
  throw new UsageError(`--alpha is a probability between 0 and 1, and not "${text}"`);
}

import { Command } from 'commander';
import type { Terminal } from '../terminal.js';
import { driftCompare } from './drift-compare.js';
import { driftDetect } from './drift-detect.js';

/** Drift detection by itself: it needs no running platform. */
export const drift = (terminal: Terminal): Command =>
  new Command('drift')
    .description('find changes in a stream of numbers, or between two data files; needs no running Gyre')
    .addCommand(driftDetect(terminal))
    .addCommand(driftCompare(terminal));

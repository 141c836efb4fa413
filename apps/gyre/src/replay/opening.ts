import { count } from '../output.js';

/** How far a replay has come when it begins, and where it looked. */
export interface Opening {
  file: string;
  rows: number;
  directory: string;
  resume: boolean;
  /** Rows that were answered before; undefined where nothing lies in the directory. */
  before: number | undefined;
}

/** What a replay says first. One that was to go on and begins says so: its directory may be misspelt. */
export function opening({ file, rows, directory, resume, before }: Opening): string {
  const whole = `${count(rows)} rows of ${file}`;
  if (before !== undefined) return `Going on at row ${count(before)} of ${whole}`;
  return resume
    ? `No replay lies in ${directory}, so that none can go on. Replaying ${whole} from the start`
    : `Replaying ${whole}`;
}

import { readFileSync } from 'node:fs';

const PAGE_BYTES = 4_096;

/** Memory that a process has in hand, bytes; 0 where it cannot be known, as on anything but Linux. */
export function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return 0;
  }
}

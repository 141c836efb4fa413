import { readFileSync } from 'node:fs';

/** Memory that a process has in hand, bytes; 0 where it cannot be known, as on anything but Linux. */
export function residentBytes(pid: number | undefined): number {
  try {
    return 1_024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

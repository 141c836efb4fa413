/** The load generator's process (h2-load.mjs), and what is made of its figures. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export class Load {
  constructor() {
    const script = fileURLToPath(new URL('./h2-load.mjs', import.meta.url));
    this.child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }
  /** @param order see h2-load.mjs @returns its report */
  async phase(order) {
    this.child.stdin.write(`${JSON.stringify(order)}\n`);
    return JSON.parse((await this.lines.next()).value);
  }
  stop() {
    this.child.kill();
  }
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** The median, and from the least to the most. */
export function spread(values, digits) {
  return `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`;
}

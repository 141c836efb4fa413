import { rmSync } from 'node:fs';
import { EXIT } from './failures.js';

const SIGNALS = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;

/** Does what needs these paths meanwhile: when it has ended they are gone, and also where Ctrl-C, or a service manager, ends the process before. */
export async function withoutLeftovers<T>(paths: readonly string[], work: () => Promise<T>): Promise<T> {
  const remove = () => {
    for (const path of paths) rmSync(path, { force: true, recursive: true });
  };
  const end = (signal: NodeJS.Signals) => {
    remove();
    process.exit(SIGNALS[signal as keyof typeof SIGNALS]);
  };
  for (const signal of Object.keys(SIGNALS)) process.once(signal, end);
  try {
    return await work();
  } finally {
    for (const signal of Object.keys(SIGNALS)) process.off(signal, end);
    remove();
  }
}

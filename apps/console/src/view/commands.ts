import type { DeadLetterEntry } from '@gyre/contracts';

/** Commands of `gyre`, as they are typed into a shell. What a person must fill in is in capitals. */

export function promoteCommand(model: string, version: number): string {
  return `gyre promote ${model} ${version} --reason TEXT`;
}

/** @returns null for what was refused before it reached the log: there is no original to give back */
export function replayCommand({ partition, offset, source }: DeadLetterEntry): string | null {
  return source.offset < 0 ? null : `gyre deadletters replay ${partition}:${offset}`;
}

import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** The last sequence that is known to be in the topic, in a file of 20 digits that is written in place. */
export class Cursor {
  private constructor(
    private readonly descriptor: number,
    public sequence: number,
  ) {}

  static open(directory: string): Cursor {
    const path = join(directory, 'cursor');
    const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT);
    return new Cursor(descriptor, Number(/^\d{20}$/.exec(readFileSync(path, 'utf8'))?.[0] ?? 0));
  }

  move(sequence: number): void {
    if (sequence <= this.sequence) return;
    this.sequence = sequence;
    writeSync(this.descriptor, String(sequence).padStart(20, '0'), 0);
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

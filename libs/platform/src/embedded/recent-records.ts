import type { LogRecord } from '../folding/log-record.js';

/** Of keys and data, in characters or bytes. */
const SIZE_MAX = 512_000;

/**
 * The newest records of one partition, in memory: what this connection has committed is mostly read at once, by several groups. It holds an
 * unbroken run; what another connection has appended breaks it, and is read from the table.
 */
export class RecentRecords {
  #records: LogRecord[] = [];
  #size = 0;

  /** Takes committed records with consecutive offsets. */
  add(records: readonly LogRecord[]): void {
    const [first] = records;
    const last = this.#records.at(-1);
    if (first === undefined) return;
    if (last !== undefined && last.offset + 1 !== first.offset) this.#drop(this.#records.length);
    for (const record of records) {
      this.#records.push(record);
      this.#size += sizeOf(record);
    }
    if (this.#size <= SIZE_MAX) return;
    let count = 0;
    for (let size = this.#size; size > SIZE_MAX / 2; count++) size -= sizeOf(this.#records[count] as LogRecord);
    this.#drop(count);
  }

  /** Records from an offset on, below `to`; undefined unless it holds all of them. */
  read(from: number, to: number, limit: number): LogRecord[] | undefined {
    const [first] = this.#records;
    const last = this.#records.at(-1);
    if (first === undefined || last === undefined || from < first.offset || last.offset + 1 < to) return undefined;
    const at = from - first.offset;
    return this.#records.slice(at, Math.min(at + limit, to - first.offset));
  }

  /** Forgets what lies below an offset. */
  dropBelow(offset: number): void {
    const [first] = this.#records;
    if (first !== undefined && first.offset < offset) this.#drop(Math.min(offset - first.offset, this.#records.length));
  }

  #drop(count: number): void {
    for (const record of this.#records.slice(0, count)) this.#size -= sizeOf(record);
    this.#records = this.#records.slice(count);
  }
}

function sizeOf({ key, data }: LogRecord): number {
  return key.length + data.length;
}

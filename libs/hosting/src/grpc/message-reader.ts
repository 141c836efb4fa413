import { status } from '@grpc/grpc-js';
import type { Budget } from './budget.js';
import type { MessageLimit } from './grpc-call.js';
import { GrpcFailure } from './grpc-failure.js';

export const PREFIX_BYTES = 5;
/** What a message that is not whole gets at first; it grows with what comes, not with what is promised. */
const FIRST_BYTES = 64;

/** Cuts a request's body into messages: a flag, a length, and so many bytes each. One that came in one piece is not copied. */
export class MessageReader {
  private part: Buffer | null = null;
  private filled = 0;

  constructor(
    private readonly limit: MessageLimit,
    private readonly budget: Budget,
    /** Is handed each message, and with it what was taken from the budget for its memory; 0: it lies within the bytes that were read. */
    private readonly received: (bytes: Buffer, compressed: boolean, memoryBytes: number) => void,
  ) {}

  /** Whether a message has begun and not ended. */
  get within(): boolean {
    return this.part !== null;
  }

  /** @throws GrpcFailure RESOURCE_EXHAUSTED */
  read(bytes: Buffer): void {
    let at = 0;
    if (this.part !== null) at = this.complete(bytes);
    while (at < bytes.length) {
      const left = bytes.length - at;
      const size = left < PREFIX_BYTES ? Infinity : PREFIX_BYTES + this.lengthAt(bytes, at);
      if (size > left) {
        this.begin(bytes, at);
        return;
      }
      this.received(bytes.subarray(at + PREFIX_BYTES, at + size), bytes[at] !== 0, 0);
      at += size;
    }
  }

  /** Gives back what it keeps of a message that is not whole. */
  close(): void {
    if (this.part === null) return;
    this.budget.give(this.part.length);
    this.part = null;
  }

  private begin(bytes: Buffer, at: number): void {
    const left = bytes.length - at;
    this.part = this.memory(Math.max(FIRST_BYTES, left));
    bytes.copy(this.part, 0, at);
    this.filled = left;
  }

  /** @returns where the next message begins */
  private complete(bytes: Buffer): number {
    let at = 0;
    if (this.filled < PREFIX_BYTES) {
      at = Math.min(PREFIX_BYTES - this.filled, bytes.length);
      this.put(bytes, 0, at, FIRST_BYTES);
      if (this.filled < PREFIX_BYTES) return at;
    }
    const part = this.part as Buffer;
    const size = PREFIX_BYTES + this.lengthAt(part, 0);
    const copied = Math.min(size - this.filled, bytes.length - at);
    this.put(bytes, at, at + copied, size);
    if (this.filled < size) return at + copied;
    const whole = this.part as Buffer;
    this.part = null;
    this.received(whole.subarray(PREFIX_BYTES, size), whole[0] !== 0, whole.length);
    return at + copied;
  }

  /** @param size of the message, as far as it is known */
  private put(bytes: Buffer, from: number, to: number, size: number): void {
    let part = this.part as Buffer;
    const filled = this.filled + to - from;
    if (filled > part.length) {
      const larger = this.memory(Math.max(filled, Math.min(part.length * 2, size)));
      part.copy(larger, 0, 0, this.filled);
      this.budget.give(part.length);
      this.part = part = larger;
    }
    bytes.copy(part, this.filled, from, to);
    this.filled = filled;
  }

  private memory(size: number): Buffer {
    this.budget.takeForRequest(size);
    return Buffer.allocUnsafe(size);
  }

  private lengthAt(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32BE(at + 1);
    const { bytesMax, of } = this.limit;
    if (length <= bytesMax) return length;
    throw new GrpcFailure(
      status.RESOURCE_EXHAUSTED,
      `the message has ${length} bytes; ${bytesMax} is the limit of ${of}`,
    );
  }
}

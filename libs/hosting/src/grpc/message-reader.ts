import { status } from '@grpc/grpc-js';
import type { Budget } from './budget.js';
import { GrpcFailure } from './grpc-failure.js';

export const PREFIX_BYTES = 5;
/** What a message that is not whole gets at first; it grows with what comes, not with what is promised. */
const FIRST_BYTES = 64;

/** Cuts a request's body into messages: a flag, a length, and so many bytes each. One that came in one piece is not copied. */
export class MessageReader {
  private part: Buffer | null = null;
  private filled = 0;

  constructor(
    private readonly bytesMax: number,
    private readonly budget: Budget,
    private readonly message: (bytes: Buffer, compressed: boolean) => void,
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
      this.message(bytes.subarray(at + PREFIX_BYTES, at + size), bytes[at] !== 0);
      at += size;
    }
  }

  /** Gives back what it keeps. */
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
      this.put(bytes, 0, at);
      if (this.filled < PREFIX_BYTES) return at;
    }
    const part = this.part as Buffer;
    const size = PREFIX_BYTES + this.lengthAt(part, 0);
    const taken = Math.min(size - this.filled, bytes.length - at);
    this.put(bytes, at, at + taken);
    if (this.filled < size) return at + taken;
    const whole = this.part as Buffer;
    this.close();
    this.message(whole.subarray(PREFIX_BYTES, size), whole[0] !== 0);
    return at + taken;
  }

  private put(bytes: Buffer, from: number, to: number): void {
    let part = this.part as Buffer;
    const filled = this.filled + to - from;
    if (filled > part.length) {
      const larger = this.memory(Math.max(filled, Math.min(part.length * 2, this.bytesMax + PREFIX_BYTES)));
      part.copy(larger, 0, 0, this.filled);
      this.budget.give(part.length);
      this.part = part = larger;
    }
    bytes.copy(part, this.filled, from, to);
    this.filled = filled;
  }

  private memory(size: number): Buffer {
    if (this.budget.take(size)) return Buffer.allocUnsafe(size);
    throw new GrpcFailure(
      status.RESOURCE_EXHAUSTED,
      `requests and answers on their way take all that grpc.bufferBytesMax grants, or ${this.budget.used} of the ${this.budget.max} bytes that one connection may have of it; try again later`,
    );
  }

  private lengthAt(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32BE(at + 1);
    if (length <= this.bytesMax) return length;
    throw new GrpcFailure(
      status.RESOURCE_EXHAUSTED,
      `the message has ${length} bytes; ${this.bytesMax} is the limit of grpc.messageBytesMax`,
    );
  }
}

import { status } from '@grpc/grpc-js';
import type { Budget } from './budget.js';
import { decompressed } from './decompression.js';
import type { MessageLimit } from './grpc-call.js';
import { GrpcFailure } from './grpc-failure.js';
import { MessageReader } from './message-reader.js';

/** What a message that waits takes beside its bytes. */
const WAITING_BYTES = 256;

/** The call whose messages these are. */
export interface MessageReceiver {
  messageReceived(message: Buffer): void;
  /** All messages were received, and the request has ended. */
  requestReceived(): void;
  /** Nothing waits any more: the client may send on. */
  caughtUp(): void;
  fail(thrown: unknown): void;
}

interface Waiting {
  bytes: Buffer;
  compressed: boolean;
  heldBytes: number;
}

/**
 * The messages of a request that does not come in one piece, is compressed, or whose caller is still being found out: puts them together, decompresses
 * them in their order, and keeps what it holds on the connection's budget until a handler has it.
 */
export class RequestMessages {
  private readonly reader: MessageReader;
  private readonly waiting: Waiting[] = [];
  private working = false;
  private brought = false;
  private ended = false;
  private closed = false;
  private heldBytes = 0;

  /**
   * @param single whether the request may bring one message; it is held until the request has ended
   * @param before what must be known first, such as who calls; null: nothing
   */
  constructor(
    private readonly receiver: MessageReceiver,
    private readonly budget: Budget,
    private readonly limit: MessageLimit,
    private readonly encoding: string | undefined,
    private readonly single: boolean,
    private before: Promise<void> | null,
  ) {
    this.reader = new MessageReader(limit, budget, (bytes, compressed, memoryBytes) =>
      this.accept(bytes, compressed, memoryBytes),
    );
  }

  /** Whether whole messages wait; a client that sends more shall wait too. */
  get congested(): boolean {
    return this.working;
  }

  /** @throws GrpcFailure RESOURCE_EXHAUSTED, or INTERNAL for a second message where one may come */
  read(bytes: Buffer): void {
    this.reader.read(bytes);
  }

  /** The request has ended. @throws GrpcFailure INTERNAL where a message has not */
  end(): void {
    if (this.reader.within) throw new GrpcFailure(status.INTERNAL, 'the request ends within a message');
    this.ended = true;
    if (!this.working) this.receiver.requestReceived();
  }

  /** Gives back what it holds: a handler has it, or nobody will. */
  close(): void {
    this.closed = true;
    this.waiting.length = 0;
    this.reader.close();
    this.budget.give(this.heldBytes);
    this.heldBytes = 0;
  }

  /** @param memoryBytes of the budget, which the reader has taken for the message; 0: it lies within what the socket has read */
  private accept(bytes: Buffer, compressed: boolean, memoryBytes: number): void {
    if (this.closed) return this.budget.give(memoryBytes);
    this.heldBytes += memoryBytes;
    if (this.single && this.brought) throw new GrpcFailure(status.INTERNAL, 'the call brought more than one message');
    this.brought = true;
    const waits = compressed || this.working || this.before !== null;
    if (!waits && !this.single) {
      this.receiver.messageReceived(bytes);
      return this.release(memoryBytes);
    }
    let kept = bytes;
    let heldBytes = memoryBytes;
    if (memoryBytes === 0) {
      heldBytes = bytes.length + WAITING_BYTES;
      this.hold(heldBytes);
      // A few bytes would keep all that came with them in memory.
      kept = Buffer.from(bytes);
    }
    if (!waits) return this.receiver.messageReceived(kept);
    this.waiting.push({ bytes: kept, compressed, heldBytes });
    if (!this.working) void this.work();
  }

  private async work(): Promise<void> {
    this.working = true;
    try {
      if (this.before !== null) await this.before;
      this.before = null;
      for (let i = 0; i < this.waiting.length; i++) await this.pass(this.waiting[i] as Waiting);
      this.waiting.length = 0;
    } catch (error) {
      this.receiver.fail(error);
    }
    this.working = false;
    if (this.closed) return;
    if (this.ended) this.receiver.requestReceived();
    else this.receiver.caughtUp();
  }

  private async pass({ bytes, compressed, heldBytes }: Waiting): Promise<void> {
    if (!compressed) {
      this.receiver.messageReceived(bytes);
      if (!this.single) this.release(heldBytes);
      return;
    }
    let plainBytes = 0;
    const plain = await decompressed(bytes, this.encoding, this.limit, (size) => {
      this.hold(size);
      plainBytes += size;
    });
    if (this.closed) return;
    this.receiver.messageReceived(plain);
    this.release(this.single ? heldBytes : heldBytes + plainBytes);
  }

  private hold(bytes: number): void {
    if (this.closed) throw new GrpcFailure(status.CANCELLED, 'the call is over');
    this.budget.takeForRequest(bytes);
    this.heldBytes += bytes;
  }

  private release(bytes: number): void {
    // What was closed meanwhile has given back all.
    if (this.closed) return;
    this.heldBytes -= bytes;
    this.budget.give(bytes);
  }
}

import type { Socket } from 'node:net';

export const SLAB_BYTES = 65_536;
const KEPT_SLABS = 64;

/** Memory into which the connections of a server write; one that waits for nothing holds none. */
export class Slabs {
  private readonly free: Buffer[] = [];

  take(): Buffer {
    return this.free.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES);
  }
  give(slab: Buffer): void {
    if (this.free.length < KEPT_SLABS) this.free.push(slab);
  }
}

/** Has each connection that has something to say write once, when the turn's callbacks and promises are through. */
export class TurnEnd {
  private waiting: (() => void)[] = [];

  do(action: () => void): void {
    if (this.waiting.push(action) === 1) process.nextTick(() => this.run());
  }

  private run(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const action of waiting) action();
  }
}

/** Collects the frames that a connection sends in a turn, and hands them to the socket in one write. */
export class Outbox {
  /** Where `reserve` has made room. */
  slab: Buffer = NONE;
  private from = 0;
  private at = 0;
  private readonly slabs: Buffer[] = [];
  private parts: Buffer[] = [];
  private planned = false;
  private readonly flushing = (): void => this.flush();

  constructor(
    private readonly socket: Socket,
    private readonly pool: Slabs,
    private readonly turnEnd: TurnEnd,
    /** Told when the socket takes no more for now; its `drain` tells when it does again. */
    private readonly full: () => void,
  ) {}

  /** Room for so many bytes in one piece, in `slab`. @param size at most SLAB_BYTES @returns where it begins */
  reserve(size: number): number {
    if (this.at + size > this.slab.length) {
      this.seal();
      this.slab = this.pool.take();
      this.slabs.push(this.slab);
      this.from = this.at = 0;
    }
    if (!this.planned) {
      this.planned = true;
      this.turnEnd.do(this.flushing);
    }
    const { at } = this;
    this.at += size;
    return at;
  }

  put(bytes: Buffer): void {
    const at = this.reserve(bytes.length);
    bytes.copy(this.slab, at);
  }

  /** Sends memory as it is; nobody may write to it any more. */
  attach(bytes: Buffer): void {
    this.reserve(0);
    this.seal();
    this.parts.push(bytes);
  }

  flush(): void {
    this.planned = false;
    const { socket } = this;
    if (socket.destroyed || socket.writableEnded) return this.drop();
    this.seal();
    const { parts } = this;
    if (parts.length === 0) return;
    this.parts = [];
    let more = true;
    if (parts.length === 1) more = socket.write(parts[0] as Buffer);
    else {
      socket.cork();
      for (const part of parts) more = socket.write(part);
      socket.uncork();
    }
    // Otherwise the memory is still being read from.
    if (socket.writableLength === 0) for (const slab of this.slabs) this.pool.give(slab);
    this.slabs.length = 0;
    this.slab = NONE;
    this.from = this.at = 0;
    if (!more) this.full();
  }

  private drop(): void {
    this.parts = [];
    this.slabs.length = 0;
    this.slab = NONE;
    this.from = this.at = 0;
  }

  private seal(): void {
    if (this.at > this.from) this.parts.push(this.slab.subarray(this.from, this.at));
    this.from = this.at;
  }
}

const NONE = Buffer.alloc(0);

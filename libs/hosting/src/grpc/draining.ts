import { ErrorCode, frame, FrameType, WINDOW_MAX } from './http2-frames.js';
import { goAwayFrame, type Http2Sender } from './http2-sender.js';

const STOPPING = 'the server is being stopped';
const PAYLOAD = Buffer.from('gyredone');

/** How a connection takes no more calls without losing one: what crosses the first GOAWAY is still taken (RFC 9113, section 6.8). */
export class Draining {
  /** Every further call is refused. */
  refusing = false;
  private begun = false;

  constructor(private readonly sender: Http2Sender) {}

  begin(): void {
    if (this.begun) return;
    this.begun = true;
    this.sender.raw(goAwayFrame(WINDOW_MAX, ErrorCode.noError, STOPPING));
    this.sender.raw(frame(FrameType.ping, 0, 0, PAYLOAD));
  }

  /** @returns whether the client says so that it knows, and every further call is to be refused */
  isAnswer(payload: Buffer): boolean {
    return this.waiting && payload.equals(PAYLOAD);
  }
  /** Whether the client has not said yet that it knows. */
  get waiting(): boolean {
    return this.begun && !this.refusing;
  }

  /** The client knows by now, or had time enough. @param lastStream that was taken */
  refuse(lastStream: number): void {
    this.refusing = true;
    this.sender.raw(goAwayFrame(lastStream, ErrorCode.noError, STOPPING));
  }
}

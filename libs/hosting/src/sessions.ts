import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { GyreError } from '@gyre/contracts';

/** Browsers keep no larger cookies. */
const COOKIE_BYTES_MAX = 3_800;

interface Sealed {
  id: string;
  credential: string;
  /** UTC milliseconds. */
  expiresAt: number;
}

/** A session that has begun. */
export interface Session {
  /** What the browser keeps; it tells nothing to anyone. */
  value: string;
  /** UTC milliseconds. */
  expiresAt: number;
}

/**
 * Sessions of browsers. What a browser keeps is the caller's own credential, sealed (AES-256-GCM): each call is authenticated by it anew, so that a token
 * that is withdrawn or expires ends its sessions too, and other processes can be asked in the caller's name.
 */
export class Sessions {
  private readonly key: Uint8Array;
  /** Sessions that were ended before their time, until that. */
  private readonly ended = new Map<string, number>();

  /** @param secret shared by processes that take each other's sessions; without, they live as long as this process */
  constructor(
    private readonly options: { hours: number; secret?: string | undefined },
    private readonly now: () => number = Date.now,
  ) {
    const { secret } = options;
    this.key =
      secret === undefined ? randomBytes(32) : new Uint8Array(hkdfSync('sha256', secret, '', 'gyre session', 32));
  }

  /**
   * @param credential what the caller would send as `authorization: Bearer`
   * @param credentialExpiresAt UTC milliseconds
   * @throws GyreError BAD_REQUEST for a credential that no cookie holds
   */
  begin(credential: string, credentialExpiresAt: number): Session {
    const expiresAt = Math.min(credentialExpiresAt, this.now() + this.options.hours * 3_600_000);
    const sealed: Sealed = { id: randomBytes(12).toString('base64url'), credential, expiresAt };
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce);
    const text = Buffer.concat([cipher.update(JSON.stringify(sealed), 'utf8'), cipher.final()]);
    const value = Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url');
    if (value.length > COOKIE_BYTES_MAX)
      throw new GyreError('BAD_REQUEST', 'the token is too long for a browser to keep; use one with fewer claims');
    return { value, expiresAt };
  }

  /** The credential of a session that runs, and until when it does; undefined for any other. */
  resume(value: string): { credential: string; expiresAt: number } | undefined {
    const sealed = this.open(value);
    return sealed === undefined || this.ended.has(sealed.id) ? undefined : sealed;
  }

  /** Ends a session before its time, in this process. */
  end(value: string): void {
    const sealed = this.open(value);
    if (sealed === undefined) return;
    for (const [id, until] of this.ended) if (until <= this.now()) this.ended.delete(id);
    this.ended.set(sealed.id, sealed.expiresAt);
  }

  private open(value: string): Sealed | undefined {
    const bytes = Buffer.from(value, 'base64url');
    if (bytes.length < 28) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', this.key, bytes.subarray(0, 12));
    decipher.setAuthTag(bytes.subarray(12, 28));
    try {
      const text = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
      const sealed = JSON.parse(text) as Sealed;
      return sealed.expiresAt > this.now() ? sealed : undefined;
    } catch {
      return undefined;
    }
  }
}

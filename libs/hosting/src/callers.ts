import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { GyreError } from '@gyre/contracts';
import type { Authentication, ClientCertificate, Credentials } from './authentication.js';
import type { Identity } from './identity.js';
import type { OwnNames } from './own-names.js';
import type { Session, Sessions } from './sessions.js';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

const COOKIE = 'gyre-session';
/** Browsers take a cookie of such a name only where it is for this host alone, and came and goes over TLS. */
const SECURE_COOKIE = `__Host-${COOKIE}`;

/** On calls that another process passes on: the scheme by which the caller came to it. */
export const FORWARDED = 'x-gyre-forwarded';

/** Who calls over HTTP: by header, by the session of a browser, or by certificate. */
export class Callers {
  constructor(
    private readonly authentication: Authentication,
    private readonly sessions: Sessions,
    readonly names: OwnNames,
  ) {}

  /** Whether callers must say who they are. */
  get required(): boolean {
    return this.authentication.required;
  }

  /**
   * The certificate of a process that passes a call on says nothing of who calls. Whoever claims to be one has less than without, so it may be believed.
   * @throws GyreError UNAUTHENTICATED or ISSUER_UNAVAILABLE, at once or by rejection
   */
  identify(headers: Headers, socket: object): Identity | Promise<Identity> {
    return this.authentication.identify({
      ...this.shown(headers),
      certificate: () => (headers[FORWARDED] === undefined ? certificateOf(socket as Partial<TLSSocket>) : undefined),
    });
  }

  /** What the headers say of who calls: `authorization` and `x-api-key` as they are, else what the browser's session stands for. */
  shown(headers: Headers): Credentials {
    const [authorization, apiKey] = [one(headers['authorization']), one(headers['x-api-key'])];
    if (authorization !== undefined || apiKey !== undefined) return { authorization, apiKey };
    const session = sessionIn(headers);
    const resumed = session === undefined ? undefined : this.sessions.resume(session);
    return resumed === undefined ? {} : { authorization: `Bearer ${resumed.credential}` };
  }

  /** Until when what a caller was let do may go on, UTC milliseconds: to the end of the session, or of what it stands for. */
  knownUntil(headers: Headers, identity: Identity): number {
    const session = sessionIn(headers);
    const resumed = session === undefined ? undefined : this.sessions.resume(session);
    return Math.min(identity.expiresAt, resumed?.expiresAt ?? Infinity);
  }

  /**
   * Begins the session of a browser.
   * @returns the header `set-cookie`
   * @throws GyreError UNAUTHENTICATED, by rejection
   */
  async signIn(credential: string, secure: boolean): Promise<string> {
    if (!/^\S[^\x00-\x1f]{0,15999}$/.test(credential))
      throw new GyreError('UNAUTHENTICATED', 'no token came with the call; type or paste one');
    const { expiresAt } = await this.authentication.identify({ authorization: `Bearer ${credential}` });
    return cookie(this.sessions.begin(credential, expiresAt), secure);
  }

  /** Ends the session that a browser shows, if any. @returns the headers `set-cookie` that make it forget */
  signOut(headers: Headers): string[] {
    const session = sessionIn(headers);
    if (session !== undefined) this.sessions.end(session);
    return [cookie({ value: '', expiresAt: 0 }, false), cookie({ value: '', expiresAt: 0 }, true)];
  }
}

/** Whether a caller came with a session, and so is a browser's user. */
export function sessionIn(headers: Headers): string | undefined {
  const cookies = one(headers['cookie']) ?? '';
  for (const name of [SECURE_COOKIE, COOKIE]) {
    const [, value] = new RegExp(`(?:^|; )${name}=([\\w-]+)(?:;|$)`).exec(cookies) ?? [];
    if (value !== undefined) return value;
  }
  return undefined;
}

/** Whether a browser came over TLS, be it to this process, to the one that passed the call on, or to a proxy before them. */
export function cameOverTls({ headers, socket }: { headers: Headers; socket: object }): boolean {
  return (
    (socket as Partial<TLSSocket>).encrypted === true ||
    one(headers['origin'])?.startsWith('https:') === true ||
    headers[FORWARDED] === 'https'
  );
}

/** The certificate that the other end has shown, where an authority of ours vouches for it. */
export function certificateOf(socket: Partial<TLSSocket> | Socket): ClientCertificate | undefined {
  const { authorized, getPeerCertificate } = socket as Partial<TLSSocket>;
  if (authorized !== true || getPeerCertificate === undefined) return undefined;
  const certificate = getPeerCertificate.call(socket as TLSSocket);
  return Object.keys(certificate ?? {}).length === 0 ? undefined : (certificate as ClientCertificate);
}

function cookie({ value, expiresAt }: Session, secure: boolean): string {
  const expires = new Date(expiresAt).toUTCString();
  return `${secure ? SECURE_COOKIE : COOKIE}=${value}; Path=/; Expires=${expires}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

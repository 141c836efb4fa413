import { hash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { GyreError } from '@gyre/contracts';
import type { AuthConfig, GrpcConfig, HttpConfig } from './hosting.config.js';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/;

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/** @throws GyreError CONFIG_INVALID where an address that others can reach is asked for without authentication */
export function refuseOpenAddress(listen: { http: HttpConfig; grpc: GrpcConfig }, auth: AuthConfig): void {
  if (auth.tokens.length > 0) return;
  for (const [section, { host }] of Object.entries(listen)) {
    if (isLoopback(host)) continue;
    throw new GyreError(
      'CONFIG_INVALID',
      `${section}.host is ${host}, which others can reach, but no caller is authenticated; configure auth.tokens, or listen on 127.0.0.1`,
    );
  }
}

/** Who calls, and whether a browser sends it on a stranger's behalf. */
export class Auth {
  private readonly tokens: { name: string; digest: Buffer }[];

  constructor(
    config: AuthConfig,
    private readonly hostNames: readonly string[],
  ) {
    this.tokens = config.tokens.map(({ name, sha256 }) => ({ name, digest: Buffer.from(sha256, 'hex') }));
  }

  /** Whether callers have names: they must show tokens. */
  get names(): boolean {
    return this.tokens.length > 0;
  }

  /**
   * The caller's name for the audit trail.
   * @param authorization the header of that name
   * @throws GyreError UNAUTHENTICATED
   */
  caller(authorization: string | undefined): string {
    if (this.tokens.length === 0) return 'local user';
    const token = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
    if (token !== undefined) {
      const digest = hash('sha256', token, 'buffer');
      const known = this.tokens.find((candidate) => timingSafeEqual(candidate.digest, digest));
      if (known !== undefined) return known.name;
    }
    const problem = token === undefined ? 'no token came with the call' : 'the token is not known';
    throw new GyreError(
      'UNAUTHENTICATED',
      `${problem}; send "authorization: Bearer <token>" with a token from auth.tokens`,
    );
  }

  /**
   * Refuses calls under a name that is not this server's, such as one that was rebound to this machine.
   * @throws GyreError ORIGIN_REFUSED
   */
  refuseForeignHost(headers: { host?: string | undefined }): void {
    const host = nameOf(headers.host ?? '');
    if (!this.mayBeCalled(host)) {
      throw new GyreError(
        'ORIGIN_REFUSED',
        `this server is not called "${host}"; add the name to http.hostNames if it is`,
      );
    }
  }

  /**
   * Refuses what a page of another site makes a user's browser send.
   * @throws GyreError ORIGIN_REFUSED
   */
  refuseForeignPages(headers: {
    host?: string | undefined;
    origin?: string | undefined;
    'sec-fetch-site'?: string | undefined;
  }): void {
    const { origin } = headers;
    if (origin !== undefined && !this.isOwnOrigin(origin, headers.host ?? '')) {
      throw new GyreError('ORIGIN_REFUSED', `a page of ${origin} may change nothing here`);
    }
    const site = headers['sec-fetch-site'];
    if (origin === undefined && site !== undefined && site !== 'same-origin' && site !== 'none') {
      throw new GyreError('ORIGIN_REFUSED', `a page of another site (${site}) may change nothing here`);
    }
  }

  private mayBeCalled(host: string): boolean {
    // A name can be rebound, an address cannot.
    return isLoopback(host) || isIP(host.replace(/^\[|\]$/g, '')) !== 0 || this.hostNames.includes(host);
  }

  private isOwnOrigin(origin: string, host: string): boolean {
    try {
      return new URL(origin).host === host;
    } catch {
      return false;
    }
  }
}

/** Without the port; names are the same in capitals, and with the dot of the root. */
function nameOf(host: string): string {
  return host.replace(/:\d+$/, '').replace(/\.$/, '').toLowerCase();
}

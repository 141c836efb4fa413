import { isIP } from 'node:net';
import { GyreError } from '@gyre/contracts';
import { asksCallers, type AuthConfig } from './auth.config.js';
import type { GrpcConfig, HttpConfig } from './hosting.config.js';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/;

function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/** @throws GyreError CONFIG_INVALID where an address that others can reach is asked for without authentication */
export function refuseOpenAddress(listen: { http: HttpConfig; grpc: GrpcConfig }, auth: AuthConfig): void {
  if (asksCallers(auth)) return;
  for (const [section, { host }] of Object.entries(listen)) {
    if (isLoopback(host)) continue;
    throw new GyreError(
      'CONFIG_INVALID',
      `${section}.host is ${host}, which others can reach, but no caller is authenticated; configure auth (tokens, jwt or certificates), or listen on 127.0.0.1`,
    );
  }
}

/** The names of this server, and whether a browser sends a call on a stranger's behalf. */
export class OwnNames {
  private readonly hostNames: ReadonlySet<string>;

  constructor(hostNames: readonly string[]) {
    this.hostNames = new Set(hostNames.map(nameOf));
  }

  /**
   * Refuses calls under a name that is not this server's, such as one that was rebound to this machine.
   * @throws GyreError ORIGIN_REFUSED; BAD_REQUEST without any
   */
  refuseForeignHost(headers: { host?: string | undefined }): void {
    if (headers.host === undefined)
      throw new GyreError(
        'BAD_REQUEST',
        'the request has no Host header; expected the name that the server is called by',
      );
    const host = nameOf(headers.host);
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
    return isLoopback(host) || isIP(host.replace(/^\[|\]$/g, '')) !== 0 || this.hostNames.has(host);
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

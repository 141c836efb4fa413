import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Metadata } from '@grpc/grpc-js';
import type { Authentication, ClientCertificate, Credentials } from './authentication.js';
import type { Callers } from './callers.js';
import type { HttpRequest } from './http.js';
import type { Identity } from './identity.js';
import { modelOf, neededBy } from './needs.js';

/** Probes call them by address, under no name of ours. */
const PROBES = /^\/(healthz|readyz)$/;
export const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** As much of grpc-js's call as tells whose connection it is. */
export interface CallOnConnection {
  getAuthContext?(): { sslPeerCertificate?: ClientCertificate };
  /** Who calls. Set by the guard. */
  identity?: Identity;
}

/**
 * Every call, HTTP or gRPC, is authenticated, and needs the role that its handler asks for. Over HTTP it must come under a name of this server, or a page
 * whose name was rebound to this machine could read everything; and a call that changes something must not come from a stranger's page.
 */
@Injectable()
export class CallGuard implements CanActivate {
  constructor(
    private readonly authentication: Authentication,
    private readonly callers: Callers,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const needed = neededBy(context.getHandler(), context.getClass());
    if (context.getType() !== 'http') {
      const [, metadata, call] = context.getArgs<[unknown, Metadata, CallOnConnection]>();
      const identity = await this.authentication.identify(grpcCredentials(metadata, call));
      identity.require(needed === 'open' ? [] : needed, modelOf(context));
      call.identity = identity;
      return true;
    }
    const request = context.switchToHttp().getRequest<HttpRequest>();
    if (PROBES.test(request.url)) return true;
    const { names } = this.callers;
    names.refuseForeignHost(request.headers);
    if (!READING.has(request.method)) names.refuseForeignPages(request.headers);
    if (needed === 'open') {
      const identity = await this.identityOf(request).catch(() => undefined);
      if (identity !== undefined) request.identity = identity;
      return true;
    }
    request.identity = await this.identityOf(request);
    request.identity.require(needed, modelOf(context));
    return true;
  }

  private async identityOf({ headers, socket }: HttpRequest): Promise<Identity> {
    return this.callers.identify(headers, socket);
  }
}

/** What a call through grpc-js shows. */
function grpcCredentials(metadata: Metadata, call: CallOnConnection): Credentials {
  const first = (name: string): string | undefined => metadata.get(name)[0]?.toString();
  return {
    authorization: first('authorization'),
    apiKey: first('x-api-key'),
    certificate: () => call.getAuthContext?.().sslPeerCertificate,
  };
}

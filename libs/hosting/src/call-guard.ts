import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Metadata } from '@grpc/grpc-js';
import type { Auth } from './auth.js';
import type { HttpRequest } from './http.js';

const OPEN_PATHS = /^\/(healthz|readyz)$/;
export const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Every call, HTTP or gRPC, is authenticated. Over HTTP it must come under a name of this server, or a page whose name was rebound to this
 * machine could read everything; and a call that changes something must not come from a stranger's page.
 */
@Injectable()
export class CallGuard implements CanActivate {
  constructor(private readonly auth: Auth) {}

  canActivate(context: ExecutionContext): boolean {
    if (context.getType() !== 'http') {
      const metadata = context.switchToRpc().getContext<Metadata>();
      this.auth.caller(metadata.get('authorization')[0]?.toString());
      return true;
    }
    const request = context.switchToHttp().getRequest<HttpRequest>();
    if (OPEN_PATHS.test(request.url)) return true;
    this.auth.refuseForeignHost(request.headers);
    request.caller = this.auth.caller(request.headers['authorization']);
    if (this.auth.names) request.name = request.caller;
    if (!READING.has(request.method)) this.auth.refuseForeignPages(request.headers);
    return true;
  }
}

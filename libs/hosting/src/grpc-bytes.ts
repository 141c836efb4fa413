import type { PackageDefinition } from '@grpc/proto-loader';
import type { Authentication } from './authentication.js';
import type { BytesHandler, CallCredentials } from './grpc/grpc-call.js';
import type { GrpcServer } from './grpc/grpc-server.js';
import type { Identity } from './identity.js';

/**
 * Unary gRPC methods that are answered bytes for bytes: no message of the loader's is made, and nothing stands between the server and the handler
 * but the question who calls. For what is called thousands of times a second; everything else goes through Nest, on the same server.
 */
export class GrpcBytes {
  private readonly handlers = new Map<string, BytesHandler>();

  constructor(private readonly authentication: Authentication) {}

  /**
   * Takes a method over, before the servers start.
   * @param method service and method as the proto file names them, such as `inference.GRPCInferenceService/ModelInfer`
   */
  handle(method: string, handler: BytesHandler): void {
    this.handlers.set(method, handler);
  }

  /** @throws RangeError for a method that no proto file describes */
  mount(definitions: PackageDefinition, server: Pick<GrpcServer, 'handle'>): void {
    const identify = (call: CallCredentials): Identity | Promise<Identity> =>
      this.authentication.identify({
        authorization: call.authorization,
        apiKey: call.header('x-api-key'),
        certificate: () => call.peerCertificate(),
      });
    for (const [method, handler] of this.handlers) {
      const [service = '', name = ''] = method.split('/');
      const path = (definitions[service] as Record<string, { path: string }> | undefined)?.[name]?.path;
      if (path === undefined) throw new RangeError(`No proto file describes ${method}`);
      server.handle(path, { kind: 'unary', handler, identify });
    }
  }
}

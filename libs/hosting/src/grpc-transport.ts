import { fileURLToPath } from 'node:url';
import type { PackageDefinition } from '@grpc/proto-loader';
import { ServerGrpc } from '@nestjs/microservices';
import type { GrpcServer } from './grpc/grpc-server.js';
import { healthProto } from './grpc-health.js';

/** What proto files import is found from here. */
const PROTO_ROOT = fileURLToPath(new URL('../../../proto', import.meta.url));

export interface ProtoFile {
  package?: string;
  proto: string;
}

export interface GrpcTransportOptions {
  server: GrpcServer;
  host: string;
  port: number;
  /** The services of this process: their packages, and the files that describe them. */
  described: readonly ProtoFile[];
  /** What else the server answers, before Nest mounts its controllers. */
  mount: (definitions: PackageDefinition) => void;
}

/** Nest's gRPC controllers on our own server: Nest reads the proto files and binds its handlers, and opens no server of grpc-js. */
export class GrpcTransport extends ServerGrpc {
  /** Where it listens, when it does. */
  port = 0;

  constructor(private readonly transport: GrpcTransportOptions) {
    const { described, mount } = transport;
    super({
      package: described.flatMap((d) => d.package ?? []),
      protoPath: [...described.map((d) => d.proto), healthProto],
      onLoadPackageDefinition: mount,
      loader: { keepCase: true, longs: Number, defaults: true, oneofs: true, includeDirs: [PROTO_ROOT] },
    });
  }

  override async createClient(): Promise<GrpcServer> {
    return Promise.resolve(this.transport.server);
  }

  /** Takes calls as soon as all of them have handlers. */
  override async start(callback?: () => void): Promise<void> {
    const { server, host, port } = this.transport;
    await this.bindEvents();
    this.port = await server.listen(host, port);
    callback?.();
  }

  override async close(): Promise<void> {
    await this.transport.server.close();
  }
}

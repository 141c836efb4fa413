import type { PackageDefinition } from '@grpc/proto-loader';
import { HealthImplementation, protoPath } from 'grpc-health-check';
import type { GrpcServer } from './grpc/grpc-server.js';
import type { Readiness } from './readiness.js';

/** The file that describes gRPC's own health service; the loader needs it beside the services' files. */
export const healthProto: string = protoPath;

/** How often the checks are asked again, ms: those who watch the health service learn of a change so late. */
const ASKED_EVERY_MS = 100;

/** gRPC's health service, open to everyone: every service of the process serves while the process is ready, and else does not. */
export class GrpcHealth {
  private health: HealthImplementation | undefined;
  private services: readonly string[] = [];
  private ready = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly readiness: Readiness) {}

  /** @param services their full names, such as `inference.GRPCInferenceService` */
  mount(services: readonly string[], server: GrpcServer): void {
    this.services = ['', ...services];
    this.health = new HealthImplementation(
      Object.fromEntries(this.services.map((name) => [name, 'NOT_SERVING' as const])),
    );
    this.health.addToServer(server.open);
    this.refresh();
    this.timer = setInterval(() => this.refresh(), ASKED_EVERY_MS).unref();
  }

  /** Says what the checks say now. */
  refresh(): void {
    const { ready } = this.readiness;
    if (ready === this.ready) return;
    this.ready = ready;
    for (const name of this.services) this.health?.setStatus(name, ready ? 'SERVING' : 'NOT_SERVING');
  }

  close(): void {
    clearInterval(this.timer);
  }
}

/** The names of the services among definitions, which hold messages and enumerations too. */
export function servicesIn(definitions: PackageDefinition): string[] {
  return Object.keys(definitions).filter((name) => !('format' in (definitions[name] as object)));
}

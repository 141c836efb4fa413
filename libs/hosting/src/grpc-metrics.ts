import { status } from '@grpc/grpc-js';
import type { GrpcServer, GrpcServerOptions } from './grpc/grpc-server.js';
import { LogLimit } from './log-limit.js';
import type { Logger } from './logger.js';
import { refusedCallers, type Metrics } from './metrics.js';

const HARMLESS = new Set(['client', 'drained', 'silent']);

/** Counts what becomes of calls and connections, and warns of clients that do not behave. */
export function grpcCounts(
  metrics: Metrics,
  log: Logger,
): Pick<GrpcServerOptions, 'callEnded' | 'connectionEnded'> & { watch(server: GrpcServer): void } {
  const calls = metrics.counter('gyre_grpc_calls_total', 'gRPC calls that have ended, by status', ['code']);
  const byCode = new Map<number, { inc(): void }>();
  const ended = metrics.counter(
    'gyre_grpc_connections_ended_total',
    'Connections of gRPC clients that have ended, or were not taken, by reason',
    ['reason'],
  );
  const refused = refusedCallers(metrics);
  const warnings = new LogLimit();
  return {
    callEnded(code) {
      let counter = byCode.get(code);
      if (counter === undefined) byCode.set(code, (counter = calls.labels({ code: status[code] ?? String(code) })));
      counter.inc();
      if (code === status.UNAUTHENTICATED || code === status.PERMISSION_DENIED)
        refused.inc({ protocol: 'grpc', why: code === status.UNAUTHENTICATED ? 'unknown' : 'forbidden' });
    },
    connectionEnded(reason, peer, why) {
      ended.inc({ reason });
      const suppressed = HARMLESS.has(reason) ? null : warnings.due(reason);
      if (suppressed === null) return;
      const fields = { reason, peer, why, suppressed };
      log.warn('a gRPC client was cut off; further ones of the next minute are only counted', fields);
    },
    watch(server) {
      metrics.gauge('gyre_grpc_connections', 'Connections of gRPC clients', [], (gauge) =>
        gauge.set(server.connectionCount),
      );
      metrics.gauge('gyre_grpc_calls_in_flight', 'gRPC calls under way', [], (gauge) => gauge.set(server.callCount));
      metrics.gauge(
        'gyre_grpc_buffered_bytes',
        'Bytes of gRPC requests that no handler has yet and of answers that were not read yet',
        [],
        (gauge) => gauge.set(server.bufferedBytes),
      );
    },
  };
}

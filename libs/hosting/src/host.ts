import 'reflect-metadata';
import type { Server as HttpServer } from 'node:http';
import type { Server as TlsServer } from 'node:tls';
import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { PackageDefinition } from '@grpc/proto-loader';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { GyreError } from '@gyre/contracts';
import type { Platform } from '@gyre/platform';
import { asksCallers, AuthConfig } from './auth.config.js';
import { Authentication } from './authentication.js';
import { Callers } from './callers.js';
import { Catalog } from './catalog.js';
import type { Config } from './config.js';
import { failureOf, grpcFailureOf } from './failure-filter.js';
import { forwardCalls } from './forwarding.js';
import { GrpcServer } from './grpc/grpc-server.js';
import { GrpcBytes } from './grpc-bytes.js';
import { GrpcHealth, servicesIn } from './grpc-health.js';
import { grpcCounts } from './grpc-metrics.js';
import { GrpcTransport, type ProtoFile } from './grpc-transport.js';
import { GrpcConfig, HttpConfig } from './hosting.config.js';
import { HostingModule } from './hosting.module.js';
import { IssuerKeys } from './issuer-keys.js';
import { JwtVerifier } from './jwt.js';
import type { Logger } from './logger.js';
import { Metrics, refusedCallers } from './metrics.js';
import { OwnNames, refuseOpenAddress } from './own-names.js';
import { Peers, PeersConfig } from './peers.js';
import { measurePlatform } from './platform-metrics.js';
import { Readiness } from './readiness.js';
import { addReflection } from './reflection.js';
import { Sessions } from './sessions.js';
import { boundConnections, fastifyOptions } from './servers.js';
import { renewCertificates, serverTlsOptions } from './tls.js';

/** A service as the executable knows it. */
export interface Service {
  name: string;
  module: Type<unknown> | DynamicModule;
  /** Whether it reads a section of the settings, under its name. */
  settings?: boolean;
  /** Its gRPC packages and the files that describe them, if it has any; without a package, all methods of the file are answered as bytes. */
  grpc?: ProtoFile | readonly ProtoFile[];
  /** Whether it can serve by itself, on what it last knew, where the platform is away at the start. */
  knowsEnough?: (config: Config) => boolean;
}

/** A process that serves: where, and how to stop it. */
export interface Host {
  /** `http://127.0.0.1:8080` */
  httpUrl: string;
  /** `127.0.0.1:8081`; empty where no service of this process speaks gRPC. */
  grpcAddress: string;
  /** Says that it is not ready, takes no more calls, ends those that run, lets the platform finish its batches. */
  stop(): Promise<void>;
}

@Module({})
class Root {}

/**
 * Starts services in this process on a platform: one HTTP server, one gRPC server, and their folds.
 *
 * @param elsewhere the services that other processes run: HTTP calls for them are passed on to `peers`
 * @throws GyreError CONFIG_INVALID for settings, or for an address that is taken
 */
export async function host(
  services: readonly Service[],
  platform: Platform,
  config: Config,
  logger: Logger,
  elsewhere: readonly Service[] = [],
): Promise<Host> {
  const http = config.read('http', HttpConfig);
  const grpc = config.read('grpc', GrpcConfig);
  const auth = config.read('auth', AuthConfig);
  refuseOpenAddress({ http, grpc }, auth);
  const names = (of: readonly Service[]): string[] => of.map(({ name }) => name);
  const peers = new Peers(config.read('peers', PeersConfig), names(services), names(elsewhere));

  const catalog = new Catalog();
  const known = catalog.open(platform);
  if (platform.away === null) await known;
  else known.catch((error: Error) => logger.error('the specs cannot be read', { error: error.message }));
  const metrics = new Metrics({ process: true, log: logger });
  measurePlatform(platform, metrics);
  const readiness = new Readiness();
  readiness.mention('platform', () => platform.away);
  const health = new GrpcHealth(readiness);
  const authentication = authenticationBy(auth, logger);
  const sessions = new Sessions({ hours: auth.sessionHours, secret: auth.sessionSecret });
  const callers = new Callers(authentication, sessions, new OwnNames(http.hostNames));
  const grpcBytes = new GrpcBytes(authentication);
  const hosted = {
    platform,
    config,
    catalog,
    logger,
    metrics,
    readiness,
    peers,
    authentication,
    callers,
    grpcBytes,
  };
  const root = { module: Root, imports: [HostingModule.with(hosted), ...services.map((service) => service.module)] };
  const described = services.flatMap((service) => service.grpc ?? []);
  const app = await NestFactory.create<NestFastifyApplication>(root, new FastifyAdapter(fastifyOptions(http)), {
    logger: false,
    bodyParser: false,
    abortOnError: false,
  });
  const renewals: (() => void)[] = [];
  let transport: GrpcTransport | undefined;
  const close = async (): Promise<void> => {
    for (const end of renewals) end();
    readiness.stopping();
    health.refresh();
    health.close();
    await app.close();
  };
  try {
    boundConnections(app.getHttpServer() as HttpServer, http);
    if (http.tls !== undefined)
      renewals.push(renewCertificates(http.tls, 'http.tls', [app.getHttpServer() as unknown as TlsServer], logger));
    takeBodiesAsBytes(app);
    measureCalls(app, metrics);
    forwardCalls(app, elsewhere, peers, callers);

    if (described.length > 0) {
      const counts = grpcCounts(metrics, logger);
      const server = new GrpcServer({
        limits: { ...grpc, streamsMax: grpc.callsPerConnectionMax },
        tls: grpc.tls === undefined ? undefined : serverTlsOptions(grpc.tls, 'grpc.tls'),
        failed: (thrown) => grpcFailureOf(failureOf(thrown, 'rpc', logger)),
        ...counts,
      });
      counts.watch(server);
      if (grpc.tls !== undefined) renewals.push(renewCertificates(grpc.tls, 'grpc.tls', [server], logger));
      const mount = (definitions: PackageDefinition): void => {
        health.mount(servicesIn(definitions), server);
        if (!asksCallers(auth)) addReflection(definitions, server);
        grpcBytes.mount(definitions, server);
      };
      transport = new GrpcTransport({ server, host: grpc.host, port: grpc.port, described, mount });
      app.connectMicroservice({ strategy: transport }, { inheritAppConfig: true });
      await listening(`gRPC on ${grpc.host}:${grpc.port}`, () => app.startAllMicroservices());
    }
    await listening(`HTTP on ${http.host}:${http.port}`, () => app.listen(http.port, http.host));
  } catch (error) {
    // Threads and a server that listens already would keep the process alive.
    await close();
    throw error;
  }
  const address = app.getHttpServer().address() as { port: number };
  return {
    httpUrl: `${http.tls === undefined ? 'http' : 'https'}://${http.host}:${address.port}`,
    grpcAddress: transport === undefined ? '' : `${grpc.host}:${transport.port}`,
    async stop() {
      await close();
      await platform.close();
    },
  };
}

function authenticationBy(auth: AuthConfig, logger: Logger): Authentication {
  if (auth.jwt === undefined) return new Authentication(auth);
  const keys = new IssuerKeys(auth.jwt, logger);
  // Nobody has to wait for them later; where they cannot be had yet, the log says so.
  void keys.fetch().catch(() => undefined);
  return new Authentication(auth, new JwtVerifier(auth.jwt, keys));
}

/** Producers' bytes must reach ingestion as they came, broken ones too. */
function takeBodiesAsBytes(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
}

function measureCalls(app: NestFastifyApplication, metrics: Metrics): void {
  const seconds = metrics.histogram(
    'gyre_http_request_seconds',
    'HTTP requests, by route and status',
    [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    ['method', 'route', 'status'],
  );
  const refused = refusedCallers(metrics);
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    if (reply.statusCode === 401 || reply.statusCode === 403)
      refused.inc({ protocol: 'http', why: reply.statusCode === 401 ? 'unknown' : 'forbidden' });
    seconds.observe({ method: request.method, route, status: String(reply.statusCode) }, reply.elapsedTime / 1_000);
    done();
  });
}

async function listening(what: string, listen: () => Promise<unknown>): Promise<void> {
  try {
    await listen();
  } catch (error) {
    throw new GyreError(
      'CONFIG_INVALID',
      `cannot serve ${what}: ${(error as Error).message}; is another gyre running, or is the port taken?`,
    );
  }
}

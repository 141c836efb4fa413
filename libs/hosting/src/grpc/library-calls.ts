import { EventEmitter } from 'node:events';
import { Metadata, status, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { ClientCertificate } from '../authentication.js';
import type { CallEvents, GrpcMethod, MessageLimit, StreamedCall } from './grpc-call.js';
import { GrpcFailure } from './grpc-failure.js';

interface MethodDefinition {
  path: string;
  requestStream: boolean;
  responseStream: boolean;
  requestDeserialize: (bytes: Buffer) => unknown;
  responseSerialize: (message: unknown) => Buffer;
  originalName?: string | undefined;
}
type Handler = (call: LibraryCall, done: (error: unknown, answer?: unknown) => void) => unknown;

/**
 * The methods of a service whose handlers are written for grpc-js: Nest's, health, reflection.
 * @param requestLimit undefined: the server's
 */
export function libraryMethods(
  definition: ServiceDefinition,
  handlers: UntypedServiceImplementation,
  requestLimit?: MessageLimit,
): Map<string, GrpcMethod> {
  const methods = new Map<string, GrpcMethod>();
  for (const [name, method] of Object.entries(definition) as [string, MethodDefinition][]) {
    const handler = (handlers[name] ?? handlers[method.originalName ?? '']) as Handler | undefined;
    if (handler === undefined) continue;
    const { requestStream, responseStream } = method;
    methods.set(method.path, {
      kind: 'streamed',
      requestStream,
      responseStream,
      requestLimit,
      open: (call) => opened(new LibraryCall(call, method), method, handler),
    });
  }
  return methods;
}

/** Calls the handler when its request is there, or at once where it reads a stream of them. */
function opened(call: LibraryCall, method: MethodDefinition, handler: Handler): CallEvents {
  const { stream } = call;
  const begin = (): unknown =>
    handler.call(null, call, (error, answer) => {
      stream.handlerDone();
      if (error !== null && error !== undefined) return stream.fail(failureIn(error));
      stream.send(method.responseSerialize(answer));
      stream.finish();
    });
  const failed = (error: unknown): void => {
    stream.handlerDone();
    stream.fail(failureIn(error));
  };
  if (method.requestStream) {
    const running = begin();
    if (running instanceof Promise) running.catch(failed);
  }
  return {
    onMessage(message) {
      const request = requestIn(message, method);
      if (method.requestStream) call.emit('data', request);
      else call.request = request;
    },
    onEnd() {
      if (method.requestStream) return void call.emit('end');
      stream.handlerBegan();
      try {
        const running = begin();
        // One that answers with a stream has nothing to call when it is through; it hears of a call that is over, and stops by itself.
        const through = (): void => void (method.responseStream && stream.handlerDone());
        if (running instanceof Promise) running.then(through, failed);
        else through();
      } catch (error) {
        failed(error);
      }
    },
    onDrain: () => call.drained(),
    onClosed: () => {
      if (call.cancelled) call.emit('cancelled', 'cancelled');
    },
  };
}

/** A call as grpc-js shows it to handlers, as far as handlers use it. */
class LibraryCall extends EventEmitter {
  request: unknown;
  readonly metadata: Metadata;
  private full = false;

  constructor(
    readonly stream: StreamedCall,
    private readonly method: MethodDefinition,
  ) {
    super();
    this.metadata = metadataOf(stream.fields);
    this.on('error', (error: unknown) => stream.fail(failureIn(error)));
  }

  get cancelled(): boolean {
    return this.stream.cancelled;
  }
  getPeer(): string {
    return this.stream.getPeer();
  }
  getDeadline(): number {
    return this.stream.getDeadline();
  }
  getPath(): string {
    return this.method.path;
  }
  getAuthContext(): { sslPeerCertificate?: ClientCertificate } {
    const certificate = this.stream.peerCertificate();
    return certificate === undefined ? {} : { sslPeerCertificate: certificate };
  }
  /** Headers of an answer are the server's own. */
  sendMetadata(): void {}

  write(message: unknown): boolean {
    this.full = !this.stream.send(this.method.responseSerialize(message));
    return !this.full;
  }
  end(): void {
    this.stream.finish();
  }
  drained(): void {
    if (!this.full) return;
    this.full = false;
    this.emit('drain');
  }
}

/** @throws GrpcFailure INVALID_ARGUMENT */
function requestIn(bytes: Buffer, { path, requestDeserialize }: MethodDefinition): unknown {
  try {
    return requestDeserialize(bytes);
  } catch (error) {
    throw new GrpcFailure(
      status.INVALID_ARGUMENT,
      `the message is none that ${path} takes: ${(error as Error).message}`,
    );
  }
}

/** grpc-js's handlers fail with objects that have a code and details. */
function failureIn(thrown: unknown): unknown {
  const { code, details } = thrown as { code?: unknown; details?: unknown };
  return typeof code === 'number' && typeof details === 'string' && !(thrown instanceof GrpcFailure)
    ? new GrpcFailure(code, details)
    : thrown;
}

/** @throws GrpcFailure INVALID_ARGUMENT for a header that gRPC does not allow */
function metadataOf(fields: readonly string[]): Metadata {
  const metadata = new Metadata();
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    try {
      if (!name.endsWith('-bin')) metadata.add(name, value);
      else for (const part of value.split(',')) metadata.add(name, Buffer.from(part, 'base64'));
    } catch (error) {
      throw new GrpcFailure(status.INVALID_ARGUMENT, (error as Error).message);
    }
  }
  return metadata;
}

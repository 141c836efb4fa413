import { z } from 'zod';
import { ListenerTls } from './tls.js';

const Port = z.int().min(0).max(65_535);

export const HttpConfig = z.strictObject({
  /** Any address but loopback needs `auth`. */
  host: z.string().default('127.0.0.1'),
  port: Port.default(8080),
  /** The longest request body, bytes. */
  bodyBytesMax: z.int().min(1_000).default(32_000_000),
  /** All headers of a request together, bytes. */
  headerBytesMax: z.int().min(1_024).max(1_048_576).default(16_384),
  /** How long a client may take to send a request's headers, and all of the request; how long a connection may lie idle between two. */
  headersTimeoutSeconds: z.number().positive().max(3_600).default(10),
  requestTimeoutSeconds: z.number().positive().max(3_600).default(300),
  keepAliveSeconds: z.number().positive().max(3_600).default(72),
  /** Connections beyond are closed as they come. */
  connectionsMax: z.int().min(1).default(20_000),
  tls: ListenerTls.optional(),
  /** Further names under which browsers may reach this server, such as `gyre.example.org`; loopback names always may. */
  hostNames: z.array(z.string()).default([]),
});
export type HttpConfig = z.infer<typeof HttpConfig>;

export const GrpcConfig = z
  .strictObject({
    host: z.string().default('127.0.0.1'),
    port: Port.default(8081),
    /** The longest message, each way. */
    messageBytesMax: z.int().min(1_000).default(32_000_000),
    /** Of requests that no handler has yet and of answers that are not read yet, all clients together. */
    bufferBytesMax: z.int().min(2_000).default(512_000_000),
    /** A connection beyond them is closed at once. */
    connectionsMax: z.int().min(1).default(16_384),
    /** Calls under way on one connection; a client waits with more. */
    callsPerConnectionMax: z.int().min(1).default(1_000),
    /** Of one call, names and values, and 32 bytes for each. */
    headerBytesMax: z.int().min(1_000).max(65_536).default(16_384),
    /** A new connection must have shown by then that it speaks TLS, where that is asked for, and HTTP/2. */
    handshakeMsMax: z.int().min(100).default(10_000),
    /** A request must be there so long after it began; and who does not read an answer for so long is cut off. */
    stallMsMax: z.int().min(100).default(30_000),
    /** Whether a client is still there is asked after so long a silence. */
    silenceMsMax: z.int().min(1_000).default(120_000),
    tls: ListenerTls.optional(),
  })
  .refine((c) => c.bufferBytesMax >= 2 * c.messageBytesMax, {
    path: ['bufferBytesMax'],
    error: 'must be at least twice messageBytesMax, or a long message can be neither read nor answered',
  });
export type GrpcConfig = z.infer<typeof GrpcConfig>;

export const LogConfig = z.strictObject({
  level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

/** The sections that hosting itself reads; services add their own. */
export const HOSTING_SECTIONS = ['http', 'grpc', 'auth', 'log', 'peers'] as const;

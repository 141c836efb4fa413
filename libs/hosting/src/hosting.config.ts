import { z } from 'zod';

const Port = z.int().min(0).max(65_535);

export const HttpConfig = z.strictObject({
  /** Any address but loopback needs `auth.tokens`. */
  host: z.string().default('127.0.0.1'),
  port: Port.default(8080),
  /** The longest request body, bytes. */
  bodyBytesMax: z.int().min(1_000).default(32_000_000),
  /** Further names under which browsers may reach this server, such as `gyre.example.org`; loopback names always may. */
  hostNames: z.array(z.string()).default([]),
});
export type HttpConfig = z.infer<typeof HttpConfig>;

export const GrpcConfig = z.strictObject({
  host: z.string().default('127.0.0.1'),
  port: Port.default(8081),
  messageBytesMax: z.int().min(1_000).default(32_000_000),
});
export type GrpcConfig = z.infer<typeof GrpcConfig>;

export const LogConfig = z.strictObject({
  level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

/** The sections that hosting itself reads; services add their own. */
export const HOSTING_SECTIONS = ['http', 'grpc', 'auth', 'log', 'peers'] as const;

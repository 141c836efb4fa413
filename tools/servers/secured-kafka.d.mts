export interface SecuredKafka {
  /** `host:port` of TLS with SASL: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512. */
  readonly sasl: string;
  /** `host:port` of TLS that asks for a client's certificate. */
  readonly certificates: string;
  /** PEM files: whom a client trusts, and what it shows. */
  readonly files: { readonly ca: string; readonly cert: string; readonly key: string };
  stop(): Promise<void>;
}

/** @throws Error where it cannot be had here, saying why */
export function startSecuredKafka(
  directory: string,
  user: { username: string; password: string },
): Promise<SecuredKafka>;

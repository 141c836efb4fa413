import { readFile } from 'node:fs/promises';
import { GyreError } from '@gyre/contracts';
import {
  createLocalJWKSet,
  errors,
  type CryptoKey,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWSHeaderParameters,
} from 'jose';
import type { JwtConfig } from './auth.config.js';
import type { Logger } from './logger.js';

/** An issuer is not asked more often for a key that is not among those it has. */
const AGAIN_AFTER_MS = 10_000;
const TIMEOUT_MS = 5_000;
const BYTES_MAX = 1_000_000;

type KeySet = ReturnType<typeof createLocalJWKSet>;

/**
 * The public keys of an issuer of tokens: from a file, from a URL, or from where OpenID Connect discovery says.
 *
 * They are fetched anew when they are old, behind the calls, and when a token is signed by one that is not among them. While the issuer is away, the last ones count.
 */
export class IssuerKeys {
  private keys: KeySet | undefined;
  private fetchedAt = -Infinity;
  private triedAt = -Infinity;
  private fetching: Promise<void> | undefined;
  private failing = false;

  constructor(
    private readonly config: Pick<JwtConfig, 'issuer' | 'jwksUrl' | 'jwksFile' | 'keysMaxAgeSeconds'>,
    private readonly log: Pick<Logger, 'warn' | 'info'>,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * The key that a token names.
   * @throws GyreError ISSUER_UNAVAILABLE where no keys were ever had; JWKSNoMatchingKey where none of them is it
   */
  async get(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    if (this.keys === undefined) await this.fetch();
    else if (this.now() - this.fetchedAt > this.config.keysMaxAgeSeconds * 1_000 && this.mayTry())
      void this.fetch().catch(() => undefined);
    try {
      return await this.found(header, token);
    } catch (error) {
      const isNewer = this.fetching !== undefined || this.mayTry();
      if (!(error instanceof errors.JWKSNoMatchingKey) || !isNewer) throw error;
      // The issuer may have new keys since; who else waits for them waits for the same.
      await this.fetch().catch(() => undefined);
      return this.found(header, token);
    }
  }

  /** Fetches the keys; several calls at a time fetch them once. @throws GyreError ISSUER_UNAVAILABLE */
  fetch(): Promise<void> {
    this.fetching ??= this.read().finally(() => (this.fetching = undefined));
    return this.fetching;
  }

  private found(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    if (this.keys === undefined) throw new errors.JWKSNoMatchingKey();
    return this.keys(header, token);
  }

  private mayTry(): boolean {
    return this.now() - this.triedAt > AGAIN_AFTER_MS;
  }

  private async read(): Promise<void> {
    const { issuer, jwksUrl, jwksFile } = this.config;
    this.triedAt = this.now();
    try {
      const set =
        jwksFile === undefined
          ? await fetchJson(jwksUrl ?? (await discovered(issuer)))
          : parse(await readFile(jwksFile, 'utf8'));
      this.keys = createLocalJWKSet(set as JSONWebKeySet);
      this.fetchedAt = this.now();
      if (this.failing) this.log.info('the keys of the issuer of tokens can be had again', { issuer });
      this.failing = false;
    } catch (error) {
      const problem = `the keys of ${issuer} cannot be had from ${jwksFile ?? jwksUrl ?? 'where its discovery says'}: ${reasonOf(error)}`;
      if (!this.failing)
        this.log.warn(problem, {
          issuer,
          consequence: this.keys === undefined ? 'its tokens are refused' : 'the last keys count',
        });
      this.failing = true;
      throw new GyreError(
        'ISSUER_UNAVAILABLE',
        'the issuer of the token cannot be asked for its keys now; try again in a moment',
      );
    }
  }
}

/** @see https://openid.net/specs/openid-connect-discovery-1_0.html section 4 */
async function discovered(issuer: string): Promise<string> {
  const metadata = (await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)) as {
    issuer?: unknown;
    jwks_uri?: unknown;
  };
  if (metadata.issuer !== issuer)
    throw new Error(
      `its discovery says that it is ${JSON.stringify(metadata.issuer)}; set auth.jwt.issuer to the same, to the letter`,
    );
  if (typeof metadata.jwks_uri !== 'string') throw new Error('its discovery names no jwks_uri');
  return metadata.jwks_uri;
}

async function fetchJson(url: string): Promise<object> {
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok || response.body === null) throw new Error(`${url} answers ${response.status}`);
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > BYTES_MAX) throw new Error(`${url} answers more than ${BYTES_MAX} bytes`);
    parts.push(part);
  }
  return parse(Buffer.concat(parts).toString('utf8'));
}

function parse(text: string): object {
  const value = JSON.parse(text) as unknown;
  if (typeof value !== 'object' || value === null) throw new Error('what is there is no JSON object');
  return value;
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return Error.isError(cause) ? `${message}: ${cause.message}` : message;
}

import { hash, timingSafeEqual } from 'node:crypto';
import { GyreError } from '@gyre/contracts';
import { asksCallers, type AuthConfig } from './auth.config.js';
import { Identity } from './identity.js';
import type { JwtVerifier } from './jwt.js';

/** As much of a certificate that TLS has verified as says whose it is. */
export interface ClientCertificate {
  /** SHA-256 of the certificate, hexadecimal, with or without colons. */
  fingerprint256: string;
  subject: { CN?: string | string[] };
  /** As Node writes it: `DNS:a.example, URI:spiffe://b`. */
  subjectaltname?: string | undefined;
}

/** What a call brought, whatever protocol it came by. */
export interface Credentials {
  /** The header, or gRPC metadata, of that name. */
  authorization?: string | undefined;
  /** `x-api-key` */
  apiKey?: string | undefined;
  /** Asked only where nothing else says who calls: undefined where the client showed none that TLS has verified. */
  certificate?: () => ClientCertificate | undefined;
}

interface Known {
  digest: Buffer;
  identity: Identity;
}

/** Who calls: a function of what the call brought, the same for HTTP and gRPC. */
export class Authentication {
  /** Whether callers must say who they are. */
  readonly required: boolean;
  private readonly tokens: readonly Known[];
  private readonly bySubject: ReadonlyMap<string, Identity>;
  private readonly byFingerprint: ReadonlyMap<string, Identity>;

  /** @param jwt where tokens of an issuer count too */
  constructor(
    config: AuthConfig,
    private readonly jwt: JwtVerifier | null = null,
    /** UTC milliseconds. */
    private readonly now: () => number = Date.now,
  ) {
    this.required = asksCallers(config);
    this.tokens = config.tokens.map(({ name, sha256, roles, expiresAt }) => ({
      digest: Buffer.from(sha256, 'hex'),
      identity: new Identity(name, roles, { expiresAt: expiresAt ?? Infinity }),
    }));
    const certified = (key: 'subject' | 'sha256'): Map<string, Identity> =>
      new Map(
        config.certificates.flatMap(({ name, roles, [key]: value }) =>
          value === undefined ? [] : [[value, new Identity(name, roles)] as const],
        ),
      );
    this.bySubject = certified('subject');
    this.byFingerprint = certified('sha256');
  }

  /**
   * At once, but for a signed token that was not seen lately.
   * @throws GyreError UNAUTHENTICATED, at once or by rejection; ISSUER_UNAVAILABLE where a token cannot be checked now
   */
  identify(credentials: Credentials): Identity | Promise<Identity> {
    if (!this.required) return Identity.LOCAL;
    const secret = secretOf(credentials);
    if (secret !== undefined) return this.bySecret(secret);
    const certificate = this.bySubject.size + this.byFingerprint.size > 0 ? credentials.certificate?.() : undefined;
    if (certificate !== undefined) return this.byCertificate(certificate);
    throw refused(`no token came with the call; ${this.expected()}`);
  }

  private bySecret(secret: string): Identity | Promise<Identity> {
    const digest = hash('sha256', secret, 'buffer');
    let known: Known | undefined;
    // All of them, so that the time tells nothing.
    for (const candidate of this.tokens) if (timingSafeEqual(candidate.digest, digest)) known = candidate;
    if (known !== undefined) {
      const { identity } = known;
      if (identity.expiresAt > this.now()) return identity;
      throw refused(`the token of ${identity.name} expired on ${new Date(identity.expiresAt).toISOString()}`);
    }
    if (this.jwt !== null && JWT.test(secret)) return this.jwt.identify(secret, digest.toString('latin1'));
    throw refused(`the token is not known; ${this.expected()}`);
  }

  private byCertificate({ fingerprint256, subject, subjectaltname = '' }: ClientCertificate): Identity {
    const fingerprint = fingerprint256.replaceAll(':', '').toLowerCase();
    const names = [subject.CN ?? []].flat().concat(alternativesIn(subjectaltname));
    const identity =
      this.byFingerprint.get(fingerprint) ??
      names.map((name) => this.bySubject.get(name)).find((one) => one !== undefined);
    if (identity !== undefined) return identity;
    throw refused(
      `the client's certificate for ${names.map((name) => `"${name}"`).join(', ') || 'nobody'} is not among auth.certificates, and no token came with the call`,
    );
  }

  private expected(): string {
    const ways = [
      ...(this.tokens.length > 0 ? ['a token of auth.tokens'] : []),
      ...(this.jwt === null ? [] : [`a token signed by ${this.jwt.issuer}`]),
    ];
    if (ways.length === 0) return 'show a client certificate of auth.certificates';
    return `send "authorization: Bearer <token>" or "x-api-key: <token>" with ${ways.join(', or ')}`;
  }
}

/** DNS and URI names. What only holds such a text, as the address of an e-mail may, is none; Node quotes what has a comma in it. */
function alternativesIn(subjectaltname: string): string[] {
  const entries = subjectaltname.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? [];
  return entries.flatMap((entry) => /^(?:DNS|URI):([^"]+)$/.exec(entry.trim())?.[1] ?? []);
}

const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** @throws GyreError UNAUTHENTICATED for a header of another kind, or without a token */
function secretOf({ authorization, apiKey }: Credentials): string | undefined {
  if (authorization === undefined) return apiKey;
  const [, token] = /^Bearer +(\S.*)$/i.exec(authorization) ?? [];
  if (token !== undefined) return token;
  const problem = /^Bearer *$/i.test(authorization) ? 'brings no token' : 'is of another kind';
  throw refused(`the header authorization ${problem}; send "authorization: Bearer <token>"`);
}

function refused(problem: string): GyreError {
  return new GyreError('UNAUTHENTICATED', problem);
}

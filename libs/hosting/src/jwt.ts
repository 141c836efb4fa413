import { GyreError } from '@gyre/contracts';
import { decodeJwt, errors, jwtVerify, type JWTPayload } from 'jose';
import type { JwtConfig } from './auth.config.js';
import { Grant, Identity } from './identity.js';
import type { IssuerKeys } from './issuer-keys.js';

/** Tokens that were checked a moment ago are taken at their word for so long, so that a key that is withdrawn counts soon. */
const TRUSTED_MS = 60_000;
const TRUSTED_MAX = 10_000;

/** Checks the signed tokens of one issuer: signature, issuer, audience, times; and reads who calls, with which roles. */
export class JwtVerifier {
  /** By the token's digest; the oldest first. */
  private readonly trusted = new Map<string, { identity: Identity; until: number }>();

  constructor(
    private readonly config: JwtConfig,
    private readonly keys: IssuerKeys,
    private readonly now: () => number = Date.now,
  ) {}

  get issuer(): string {
    return this.config.issuer;
  }

  /**
   * @param digest of the token, to know it again
   * @throws GyreError UNAUTHENTICATED, ISSUER_UNAVAILABLE; by rejection
   */
  identify(token: string, digest: string): Identity | Promise<Identity> {
    const known = this.trusted.get(digest);
    if (known !== undefined && known.until > this.now()) return known.identity;
    return this.verify(token, digest);
  }

  private async verify(token: string, digest: string): Promise<Identity> {
    const { issuer, audience, algorithms, clockToleranceSeconds, nameClaim } = this.config;
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, (header, jws) => this.keys.get(header, jws), {
        issuer,
        audience,
        algorithms,
        clockTolerance: clockToleranceSeconds,
        requiredClaims: ['exp'],
        currentDate: new Date(this.now()),
      }));
    } catch (error) {
      throw error instanceof GyreError ? error : new GyreError('UNAUTHENTICATED', this.problem(token, error));
    }
    const name = claim(payload, nameClaim);
    if (typeof name !== 'string' || name === '')
      throw new GyreError('UNAUTHENTICATED', `the token has no claim ${nameClaim} that names the caller`);
    const expiresAt = ((payload.exp ?? 0) + clockToleranceSeconds) * 1_000;
    const identity = new Identity(name.slice(0, 200), this.grantsOf(payload), { expiresAt });
    this.trust(digest, identity);
    return identity;
  }

  private grantsOf(payload: JWTPayload): Grant[] {
    const { rolesClaim, grants } = this.config;
    const value = claim(payload, rolesClaim);
    const values = typeof value === 'string' ? value.split(/\s+/) : Array.isArray(value) ? value : [];
    return values.flatMap((one) => {
      if (typeof one !== 'string') return [];
      if (grants !== undefined) return Object.hasOwn(grants, one) ? (grants[one] ?? []) : [];
      const grant = Grant.safeParse(one);
      return grant.success ? [grant.data] : [];
    });
  }

  private trust(digest: string, identity: Identity): void {
    this.trusted.delete(digest);
    this.trusted.set(digest, { identity, until: Math.min(identity.expiresAt, this.now() + TRUSTED_MS) });
    if (this.trusted.size > TRUSTED_MAX) this.trusted.delete(this.trusted.keys().next().value as string);
  }

  /** What is wrong with a token, in the words of whoever sent it. */
  private problem(token: string, error: unknown): string {
    const { issuer, audience, algorithms } = this.config;
    if (error instanceof errors.JWTExpired)
      return `the token expired at ${new Date((error.payload.exp ?? 0) * 1_000).toISOString()}; get a new one from ${issuer}`;
    if (error instanceof errors.JWTClaimValidationFailed) {
      if (error.claim === 'aud') return `the token is for another audience; expected ${[audience].flat().join(' or ')}`;
      if (error.claim === 'iss') return `the token is of another issuer; expected ${issuer}`;
      if (error.claim === 'nbf') return 'the token is not valid yet; are the clocks right?';
      return `the token's claim ${error.claim} is ${error.reason === 'missing' ? 'missing' : 'not what it should be'}`;
    }
    if (error instanceof errors.JOSEAlgNotAllowed)
      return `the token is signed by an algorithm that does not count; expected ${algorithms.join(', ')}`;
    if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed)
      return `the token's signature is by no key of ${issuer}`;
    return `the token is neither known nor a signed token of ${issuer}${readable(token) ? '' : ', nor a JSON Web Token at all'}`;
  }
}

function readable(token: string): boolean {
  try {
    decodeJwt(token);
    return true;
  } catch {
    return false;
  }
}

/** Dots lead into objects, but where a claim has that very name, as those that are URLs do. */
function claim(payload: JWTPayload, path: string): unknown {
  if (Object.hasOwn(payload, path)) return payload[path];
  return path
    .split('.')
    .reduce<unknown>(
      (value, step) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, step)
          ? (value as Record<string, unknown>)[step]
          : undefined,
      payload,
    );
}

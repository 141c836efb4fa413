import { z } from 'zod';
import { Grant } from './identity.js';

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hexadecimal digits');
const CallerName = z.string().min(1).max(200);
const Grants = z.array(Grant);

/** A moment, as ISO 8601 with a zone; UTC milliseconds once read. */
const Moment = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2027-01-01T00:00:00Z' })
  .transform(Date.parse);

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;

/** Keys and tokens must not be fetched or sent in the clear, but on this machine. */
const SecretUrl = z.url({ protocol: /^https?$/, error: 'must be like https://login.example.org' }).refine(
  (url) => {
    const { protocol, hostname } = new URL(url);
    return protocol === 'https:' || /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
  },
  { error: 'must begin with https://; http:// is for loopback addresses only' },
);

const JwtConfig = z
  .strictObject({
    /** The `iss` of the tokens. Its keys are found by OpenID Connect discovery, but where one of the next two says where they are. */
    issuer: SecretUrl,
    /** The `aud` of tokens that are for this Gyre; one of several is enough. */
    audience: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
    jwksUrl: SecretUrl.optional(),
    /** A JSON Web Key Set on disk; read anew as one at a URL is: see `keysMaxAgeSeconds`. */
    jwksFile: z.string().min(1).optional(),
    /** Signatures that count. None of them has a secret that is shared. */
    algorithms: z.array(z.enum(ALGORITHMS)).min(1).default(['RS256', 'PS256', 'ES256', 'EdDSA']),
    /** How far the clocks may be apart. */
    clockToleranceSeconds: z.int().min(0).max(600).default(30),
    /** The claim that names the caller. */
    nameClaim: z.string().min(1).default('sub'),
    /** The claim that tells the roles: a list, or words in one text. Dots lead into objects: `realm_access.roles`. */
    rolesClaim: z.string().min(1).default('gyre_roles'),
    /** The roles that each value of the claim stands for. None: the values are roles themselves. */
    grants: z.record(z.string(), Grants).optional(),
    /** Keys are fetched anew when they are older than this, and at once for a token by a key that is not known. */
    keysMaxAgeSeconds: z.int().min(10).default(600),
  })
  .refine(({ jwksUrl, jwksFile }) => jwksUrl === undefined || jwksFile === undefined, {
    path: ['jwksFile'],
    error: 'keys come from one place; leave out jwksFile or jwksUrl',
  });
export type JwtConfig = z.infer<typeof JwtConfig>;

export const AuthConfig = z
  .strictObject({
    /** API keys: callers by name, each with the SHA-256 (hexadecimal) of its secret. */
    tokens: z
      .array(
        z.strictObject({
          name: CallerName,
          sha256: Sha256,
          /** Without: everything. */
          roles: Grants.default(() => [Grant.parse('admin')]),
          expiresAt: Moment.optional(),
        }),
      )
      .default([]),
    /** Callers by the certificate that they show; needs `tls.caFile` of the listener. */
    certificates: z
      .array(
        z
          .strictObject({
            name: CallerName,
            /** The CN of the subject, or a DNS or URI name among its alternatives. */
            subject: z.string().min(1).optional(),
            /** Of the certificate itself. */
            sha256: Sha256.optional(),
            roles: Grants,
          })
          .refine(({ subject, sha256 }) => (subject === undefined) !== (sha256 === undefined), {
            error: 'needs one of subject and sha256',
          }),
      )
      .default([]),
    /** Signed tokens of an OpenID Connect issuer. */
    jwt: JwtConfig.optional(),
    /** How long a browser stays signed in to the console at most. */
    sessionHours: z.number().positive().max(720).default(12),
    /** What sessions are sealed with. Without: a key of this process, so that a restart signs everyone out. */
    sessionSecret: z.string().min(32, 'must have at least 32 characters').optional(),
  })
  .superRefine(({ tokens }, context) => {
    tokens.forEach(({ sha256 }, i) => {
      const first = tokens.findIndex((other) => other.sha256 === sha256);
      if (first !== i)
        context.addIssue({
          code: 'custom',
          path: ['tokens', i, 'sha256'],
          message: `is that of tokens.${first} already`,
        });
    });
  });
export type AuthConfig = z.infer<typeof AuthConfig>;

/** Whether callers must say who they are. */
export function asksCallers({ tokens, certificates, jwt }: AuthConfig): boolean {
  return tokens.length > 0 || certificates.length > 0 || jwt !== undefined;
}

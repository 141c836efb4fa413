import { GyreError } from '@gyre/contracts';
import { z } from 'zod';

/** What a caller is let do, see docs/security.md. */
export const ROLES = ['viewer', 'predictor', 'producer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

const INCLUDED: Readonly<Record<Role, readonly Role[]>> = {
  viewer: ['viewer'],
  predictor: ['predictor'],
  producer: ['producer'],
  operator: ['operator', 'viewer', 'predictor', 'producer'],
  admin: ROLES,
};

/** These may be had for some models only; the console and the topics that producers fill are about all of them. */
const PER_MODEL: ReadonlySet<Role> = new Set(['predictor', 'operator', 'admin']);

/** A role, for all models or for some. */
export interface Grant {
  readonly role: Role;
  /** Matches the names of the models; null: all. */
  readonly models: RegExp | null;
  /** As it was written: `operator`, `predictor:fraud-*`. */
  readonly text: string;
}

const GRANT = /^([a-z]+)(?::([a-z0-9*-]+(?:,[a-z0-9*-]+)*))?$/;

/** A grant as people write it: a role, and after a colon the models that it is for, with commas between and `*` for any characters. */
export const Grant = z.string().transform((text, context): Grant => {
  const [, name, models] = GRANT.exec(text) ?? [];
  const role = ROLES.find((one) => one === name);
  const complain = (message: string): Grant => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (role === undefined)
    return complain(
      `"${text}" is no role; expected ${ROLES.join(', ')}, or one for some models, such as predictor:fraud-*`,
    );
  if (models === undefined) return { role, models: null, text };
  if (!PER_MODEL.has(role)) return complain(`${role} is always for all models; leave ":${models}" out`);
  const alternatives = models.split(',').map((name) => name.replaceAll('*', '.*'));
  return { role, models: new RegExp(`^(?:${alternatives.join('|')})$`), text };
});

/** Whoever calls. */
export class Identity {
  /** Nobody needs a name here: whoever reaches this address may do everything. */
  static readonly LOCAL = new Identity('local user', [{ role: 'admin', models: null, text: 'admin' }], {
    named: false,
  });

  /** Until when this is known, UTC milliseconds. */
  readonly expiresAt: number;
  /** Whether callers have names of their own. */
  readonly named: boolean;

  /** @param name the actor in the timeline, and whose limits of requests count */
  constructor(
    readonly name: string,
    private readonly grants: readonly Grant[],
    { expiresAt = Infinity, named = true }: { expiresAt?: number; named?: boolean } = {},
  ) {
    this.expiresAt = expiresAt;
    this.named = named;
  }

  /** What it was granted, as it was written. */
  get roles(): string[] {
    return this.grants.map(({ text }) => text);
  }

  /** @param model what the call is about; undefined where it is about no model alone */
  may(role: Role, model?: string): boolean {
    return this.grants.some(
      (grant) =>
        INCLUDED[grant.role].includes(role) &&
        (grant.models === null || !PER_MODEL.has(role) || (model !== undefined && grant.models.test(model))) &&
        // Events are of views, not of models.
        (grant.models === null || role !== 'producer'),
    );
  }

  /**
   * @param roles one of them is enough; none: everyone who is known may
   * @throws GyreError PERMISSION_DENIED saying which role would do
   */
  require(roles: readonly Role[], model?: string): void {
    if (roles.length === 0 || roles.some((role) => this.may(role, model))) return;
    const enough = roles.map((role) =>
      model !== undefined && PER_MODEL.has(role) ? `${role} or ${role}:${model}` : role,
    );
    const has = this.grants.length === 0 ? 'no role' : `only ${this.roles.join(', ')}`;
    throw new GyreError('PERMISSION_DENIED', `${this.name} has ${has}; this call needs ${enough.join(', or ')}`);
  }
}

import { z } from 'zod';
import { Duration } from './time.js';

/** Names that JavaScript's objects have of themselves. */
const RESERVED: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
const isFree = (name: string): boolean => !RESERVED.has(name);
const TAKEN = { error: 'this name is reserved; choose another' };

export const ResourceName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'a name is 1 to 63 lower-case letters, digits and hyphens, and starts with a letter')
  .refine(isFree, TAKEN);

const FieldName = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_]{0,62}$/,
    'a field is 1 to 63 letters, digits and underscores, and starts with no digit',
  )
  .refine(isFree, TAKEN);

export const FieldType = z.enum(['float', 'int', 'bool', 'string']);
export type FieldType = z.infer<typeof FieldType>;

const FieldRules = z
  .strictObject({
    type: FieldType,
    /** Inclusive bounds of a number. */
    min: z.number().optional(),
    max: z.number().optional(),
    /** The only values a string may have. */
    enum: z.array(z.string()).min(1).optional(),
    /** Whether null, or no value at all, is accepted. */
    nullable: z.boolean().default(false),
    /** A private field is checked and then dropped: it appears in no topic but gyre.ingest. */
    private: z.boolean().default(false),
    description: z.string().optional(),
  })
  .refine((f) => f.min === undefined || f.max === undefined || f.min <= f.max, {
    path: ['min'],
    error: 'must not exceed max',
  })
  .refine((f) => (f.min === undefined && f.max === undefined) || f.type === 'float' || f.type === 'int', {
    path: ['type'],
    error: 'only float and int fields have min and max',
  })
  .refine((f) => f.enum === undefined || f.type === 'string', {
    path: ['enum'],
    error: 'only string fields have an enum',
  });

/** A field is written as its type alone, or as an object with its rules. */
const Field = z.union([FieldType.transform((type) => ({ type, nullable: false, private: false })), FieldRules]);
export type Field = z.infer<typeof FieldRules>;

/** What producers send about one kind of entity, as `gyre apply` takes it. */
export const FeatureViewSpec = z.strictObject({
  kind: z.literal('FeatureView'),
  name: ResourceName,
  /** The name of the entity's key, such as `customer`. */
  entity: FieldName,
  fields: z
    .record(FieldName, Field)
    .refine((fields) => Object.keys(fields).length > 0, 'a view needs at least one field'),
  /** A value older than this, by event time, is stale: it is served as missing. None: a value never grows stale. */
  ttl: Duration.optional(),
  /** How far ahead of its arrival an event may be stamped. */
  maxSkew: Duration.default(300_000),
  description: z.string().optional(),
});
export type FeatureViewSpec = z.infer<typeof FeatureViewSpec>;

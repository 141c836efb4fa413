import { z } from 'zod';
import { LabelValue } from './label-value.js';

/** Labels, and what they are for, may be stamped ahead of their arrival by so much. */
export const LABEL_SKEW_MAX_MS = 300_000;

/** Characters of an event's id. */
export const ID_LENGTH_MAX = 200;

const text = (charactersMax: number) => {
  const error = `must be a text of 1 to ${charactersMax} characters`;
  return z.string({ error }).min(1, { error }).max(charactersMax, { error });
};
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);
const EventId = text(ID_LENGTH_MAX);
const Time = z.iso.datetime({ offset: true, error: 'must be an ISO 8601 date and time such as 2026-11-22T14:05:00Z' });

/**
 * What outside producers send to gyre.ingest, one JSON object a record. `id` makes repeats harmless: the first event with an id counts.
 */
export const FeaturesEvent = z.strictObject({
  id: EventId,
  type: z.literal('features'),
  view: z.string({ error: 'must be the name of a feature view' }),
  /** The entity's key, as a string. */
  entity: text(500),
  time: Time,
  // Each value is checked against its view: zod would go through them twice.
  values: z.custom<Record<string, unknown>>(isObject, { error: 'must be an object of fields and their values' }),
});
export type FeaturesEvent = z.infer<typeof FeaturesEvent>;

export const LabelEvent = z
  .strictObject({
    id: EventId,
    type: z.literal('label'),
    model: z.string().optional(),
    prediction: z.string().optional(),
    entity: text(500).optional(),
    at: Time.optional(),
    value: LabelValue,
    time: Time,
  })
  .refine((e) => (e.prediction !== undefined) !== (e.entity !== undefined), {
    path: ['prediction'],
    error: 'a label names either a prediction by its id, or an entity with model and at',
  })
  .refine((e) => e.entity === undefined || (e.model !== undefined && e.at !== undefined), {
    path: ['at'],
    error: 'a label for an entity names the model, and with `at` the moment whose prediction is meant',
  });
export type LabelEvent = z.infer<typeof LabelEvent>;

export const IngestEvent = z.discriminatedUnion('type', [FeaturesEvent, LabelEvent]);
export type IngestEvent = z.infer<typeof IngestEvent>;

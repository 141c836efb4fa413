import { z } from 'zod';

/** A label as producers send it: a class by its name, or a number. */
export const LabelValue = z.union([z.string(), z.number(), z.boolean()], {
  error: 'must be a text, a number, true or false',
});
export type LabelValue = z.infer<typeof LabelValue>;

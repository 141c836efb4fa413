import { z } from 'zod';

export const IngestionConfig = z.strictObject({
  /** Accepted event ids remembered in each partition: a repeat further back is taken for a new event. */
  distinctWithin: z.int().min(0).max(10_000_000).default(100_000),
  /** Events that one call of POST /v1/events may carry. */
  eventsPerCallMax: z.int().min(1).max(1_000_000).default(50_000),
});
export type IngestionConfig = z.infer<typeof IngestionConfig>;

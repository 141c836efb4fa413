import { z } from 'zod';

export const DriftMonitorConfig = z.strictObject({
  /** How long a label waits for a prediction that nobody has seen yet, where it names no model. */
  unknownHorizonHours: z.number().positive().default(168),
  /** Windows of performance kept in memory per model for the console. */
  windowsMax: z.int().min(1).default(2_000),
});
export type DriftMonitorConfig = z.infer<typeof DriftMonitorConfig>;

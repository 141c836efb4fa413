import { z } from 'zod';

export const DriftMonitorConfig = z.strictObject({
  /** How long a label waits for a prediction that nobody has seen yet, where it names no model. */
  unknownHorizonHours: z.number().positive().default(168),
  /** Windows of performance kept in memory per model for the console. */
  windowsMax: z.int().min(1).default(2_000),
  /** Told with a POST of an incident that pages, and of its end. */
  alertWebhookUrl: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .default(null),
  /** An Alertmanager, such as http://alertmanager:9093. */
  alertmanagerUrl: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .default(null),
  /** Where people reach the console: alerts link to it. */
  alertLinkUrl: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .default(null),
  /** An incident that is older when its turn comes alerts nobody, as when alerts are switched on. */
  alertAgeHoursMax: z.number().positive().default(24),
});
export type DriftMonitorConfig = z.infer<typeof DriftMonitorConfig>;

import { z } from 'zod';

/** A moment in UTC, milliseconds since 1970-01-01, in events and answers too. What people write and send is ISO 8601. */
export const Instant = z.number().int();
export type Instant = z.infer<typeof Instant>;

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Whole milliseconds of "250ms", "90s", "30m", "12h" or "7d"; undefined for anything else. */
export function durationMs(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (match === null) return undefined;
  return Math.round(Number(match[1]) * (UNITS[match[2] as string] as number));
}

/** The shortest exact way to write a duration: 5400000 is "90m". */
export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const size = UNITS[unit] as number;
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

const DURATION_WANTED = 'a duration is a number and ms, s, m, h or d, and not negative, such as 30m';

/** A duration written as "30m" or "7d"; read as milliseconds. */
export const Duration = z.string({ error: DURATION_WANTED }).transform((text, context) => {
  const ms = durationMs(text);
  if (ms !== undefined) return ms;
  context.addIssue({ code: 'custom', message: `not a duration: ${DURATION_WANTED}` });
  return z.NEVER;
});

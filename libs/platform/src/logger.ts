/** What the platform tells its owner's log. */
export type Logger = (level: 'info' | 'warn' | 'error', message: string, fields: Record<string, unknown>) => void;

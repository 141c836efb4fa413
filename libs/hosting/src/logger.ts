import { pino, type DestinationStream } from 'pino';

/** Structured logs: one JSON object a line. `message` is for people, `fields` for machines. */
export abstract class Logger {
  abstract debug(message: string, fields?: Record<string, unknown>): void;
  abstract info(message: string, fields?: Record<string, unknown>): void;
  abstract warn(message: string, fields?: Record<string, unknown>): void;
  abstract error(message: string, fields?: Record<string, unknown>): void;
  /** A logger whose every line carries these fields. */
  abstract child(fields: Record<string, unknown>): Logger;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** @param destination default: standard error, so that standard output stays a command's own */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const base = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return new PinoLogger(pino(base, destination ?? pino.destination({ dest: 2, sync: true })));
}

class PinoLogger extends Logger {
  constructor(private readonly log: ReturnType<typeof pino>) {
    super();
  }
  override debug(message: string, fields: Record<string, unknown> = {}): void {
    this.log.debug(fields, message);
  }
  override info(message: string, fields: Record<string, unknown> = {}): void {
    this.log.info(fields, message);
  }
  override warn(message: string, fields: Record<string, unknown> = {}): void {
    this.log.warn(fields, message);
  }
  override error(message: string, fields: Record<string, unknown> = {}): void {
    this.log.error(fields, message);
  }
  override child(fields: Record<string, unknown>): Logger {
    return new PinoLogger(this.log.child(fields));
  }
}

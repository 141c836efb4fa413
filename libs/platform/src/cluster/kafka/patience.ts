import { setTimeout as sleep } from 'node:timers/promises';
import { GyreError } from '@gyre/contracts';
import { messageOf } from '../../folding/dead-letter.js';
import type { Logger } from '../../logger.js';
import type { Outage } from '../outage.js';

const FIRST_WAIT_MS = 50;
const WAIT_MS_MAX = 1_000;

export interface Patience {
  /** How long to go on trying, milliseconds. */
  forMs: number;
  /** For the message, as in "Kafka could not …". */
  what: string;
  isClosed: () => boolean;
  /** Told of every try. */
  outage: Outage;
  logger: Logger;
}

/**
 * Asks Kafka again while its answer may become another one: no broker is there yet, a topic that was just made is unknown to this broker or has no
 * leader, the controller or a coordinator is moving. The work must bear being done twice.
 * @throws GyreError PLATFORM_UNAVAILABLE: at once where the answer stays as it is, else when the time is over
 */
export async function patiently<T>(work: () => Promise<T>, patience: Patience): Promise<T> {
  const { forMs, what, isClosed, outage, logger } = patience;
  const until = performance.now() + forMs;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, WAIT_MS_MAX)) {
    try {
      const answer = await work();
      outage.answered();
      return answer;
    } catch (error) {
      if (error instanceof GyreError) throw error;
      if (isClosed()) throw new GyreError('NOT_READY', 'the platform is closed');
      if (!passes(error))
        throw new GyreError(
          'PLATFORM_UNAVAILABLE',
          `Kafka could not ${what}: ${messageOf(error)}. Trying again would not help: see platform.kafka, its credentials and what they are allowed`,
        );
      outage.failed(error);
      if (performance.now() + wait > until)
        throw new GyreError(
          'PLATFORM_UNAVAILABLE',
          `Kafka could not ${what} for ${forMs / 1_000} s: ${messageOf(error)}. See that the brokers of platform.kafka run and can be reached from here, and what they log; then start again`,
        );
      // The first seconds of a topic, or of a broker, are nobody's concern.
      if (wait === WAIT_MS_MAX) logger('warn', `Kafka could not ${what}; trying again`, { error: messageOf(error) });
      const woken = outage.wait();
      await sleep(wait);
      woken();
    }
  }
}

/** Answers that stay the same however often one asks. */
const FINAL_NAME = /^KafkaJS(SASLAuthenticationError|UnsupportedMagicByteInMessageSet|ServerDoesNotSupportApiKey)$/;
const FINAL_TYPE = /AUTHORIZATION|AUTHENTICATION|UNSUPPORTED|POLICY_VIOLATION|^INVALID_(?!REPLICATION_FACTOR)/;

/** Whether what kafkajs threw may pass: it wraps errors in errors. */
export function passes(error: unknown): boolean {
  if (!Error.isError(error)) return true;
  const { type, cause, errors } = error as { type?: unknown; cause?: unknown; errors?: unknown };
  if (FINAL_NAME.test(error.name) || (typeof type === 'string' && FINAL_TYPE.test(type))) return false;
  return [cause, ...(Array.isArray(errors) ? (errors as unknown[]) : [])].every(
    (inner) => inner === error || inner === undefined || passes(inner),
  );
}

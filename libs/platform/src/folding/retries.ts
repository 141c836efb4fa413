import { GyreError, topics, type Retention } from '@gyre/contracts';
import { decoded, type Data } from '../encoding.js';
import { retryTopicOf, type LogRecord, type Origin } from './log-record.js';

/** A dead letter and where its original lies. */
export interface Letter {
  group: string;
  topic: string;
  /** Of the original. */
  partition: number;
  /** Of the original. */
  offset: number;
  /** The offset of the letter itself; all of a group lie in one partition. */
  letter: number;
}

/** What gives an original back to the group that refused it. */
export interface Retry {
  topic: string;
  partition: number;
  key: string;
  data: Data;
  origin: Origin;
}

/**
 * @param found what lies where a dead letter is said to be
 * @throws GyreError DEAD_LETTER_NOT_FOUND if it is none, or one that never had an original in the log
 */
export function letterAt(found: LogRecord | undefined, partition: number, offset: number): Letter {
  const missing = (why: string) =>
    new GyreError('DEAD_LETTER_NOT_FOUND', `dead letter ${offset} of partition ${partition} ${why}`, {
      partition,
      offset,
    });
  const read = found === undefined || found.tick !== undefined ? undefined : decoded(topics.deadletter, found.data);
  if (read === undefined || read.problem !== undefined) throw missing('does not exist');
  const { event } = read;
  if (event.group === '' || event.offset < 0) throw missing('has no original in the log; send the event again');
  return {
    group: event.group,
    topic: event.topic,
    partition: event.partition,
    offset: event.offset,
    letter: offset,
  };
}

export function retryOf({ group, topic, partition, offset, letter }: Letter, { key, data }: LogRecord): Retry {
  return { topic: retryTopicOf(group), partition, key, data, origin: { topic, offset, letter } };
}

/**
 * How long a group's retries are kept: as long as their originals are, for they say the same, private fields among it; and no longer
 * than the letters. So it is known of every event that can be given back whether it was.
 */
export function retryRetention(inputs: readonly { retention: Retention }[]): { days: number } {
  const daysOf = (retention: Retention) => (retention === 'forever' ? Infinity : retention.days);
  const originals = Math.max(...inputs.map(({ retention }) => daysOf(retention)));
  return { days: Math.min(originals, daysOf(topics.deadletter.retention)) };
}

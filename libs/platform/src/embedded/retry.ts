import { GyreError, topics } from '@gyre/contracts';
import { decoded } from '../encoding.js';
import { retryTopicOf } from '../folding/log-record.js';
import type { Log, NewRecord } from './log.js';

/** A dead letter's original by a name that all its letters share, and what gives it back to the group that refused it. */
export interface Retry {
  original: string;
  /** undefined where the original has expired */
  record: NewRecord | undefined;
}

/** @throws GyreError DEAD_LETTER_NOT_FOUND if there is no such letter, or it never had an original in the log */
export function retryOf(log: Log, partition: number, offset: number): Retry {
  const missing = (why: string) =>
    new GyreError('DEAD_LETTER_NOT_FOUND', `dead letter ${offset} of partition ${partition} ${why}`, {
      partition,
      offset,
    });
  const [found] = log.read(topics.deadletter.name, partition, offset, offset + 1, 1);
  const read = found === undefined || found.tick !== undefined ? undefined : decoded(topics.deadletter, found.data);
  if (read === undefined || read.problem !== undefined) throw missing('does not exist');
  const letter = read.event;
  if (letter.group === '' || letter.offset < 0) throw missing('has no original in the log; send the event again');
  const name = JSON.stringify([letter.group, letter.topic, letter.partition, letter.offset]);
  const [original] = log.read(letter.topic, letter.partition, letter.offset, letter.offset + 1, 1);
  if (original === undefined) return { original: name, record: undefined };
  const { key, data } = original;
  const origin = { topic: letter.topic, offset: letter.offset };
  const record = { topic: retryTopicOf(letter.group), partition: letter.partition, key, data, origin };
  return { original: name, record };
}

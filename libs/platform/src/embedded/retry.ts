import { GyreError, topics } from '@gyre/contracts';
import { decoded } from '../encoding.js';
import { retryTopicOf } from '../folding/log-record.js';
import type { Log, NewRecord } from './log.js';

/** The record that gives a dead letter's original back to the group that refused it. @throws GyreError DEAD_LETTER_NOT_FOUND */
export function retryOf(log: Log, partition: number, offset: number): NewRecord {
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
  const [original] = log.read(letter.topic, letter.partition, letter.offset, letter.offset + 1, 1);
  if (original === undefined) {
    throw missing(`has lost its original: ${letter.topic} no longer keeps offset ${letter.offset}`);
  }
  const { key, data } = original;
  const origin = { topic: letter.topic, offset: letter.offset };
  return { topic: retryTopicOf(letter.group), partition: letter.partition, key, data, origin };
}

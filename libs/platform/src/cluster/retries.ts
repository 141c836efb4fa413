import { GyreError, topics } from '@gyre/contracts';
import { decoded } from '../encoding.js';
import { retryTopicOf } from '../folding/log-record.js';
import type { Core } from './core.js';
import type { NewRecord } from './kafka/records.js';

/**
 * What gives the originals of dead letters back to their groups, each once; and how many originals there were, expired ones included.
 * @throws GyreError DEAD_LETTER_NOT_FOUND if there is no such letter, or it never had an original in the log
 */
export async function retriesOf(
  core: Core,
  offsets: readonly { partition: number; offset: number }[],
): Promise<{ records: NewRecord[]; originals: number }> {
  await core.topics.ready([topics.deadletter]);
  const found = new Map<string, NewRecord | undefined>();
  for (const { partition, offset } of offsets) {
    const letter = await letterAt(core, partition, offset);
    const name = JSON.stringify([letter.group, letter.topic, letter.partition, letter.offset]);
    if (found.has(name)) continue;
    const original = await core.reader.one(letter.topic, letter.partition, letter.offset);
    const origin = { topic: letter.topic, offset: letter.offset };
    const place = { topic: retryTopicOf(letter.group), partition: letter.partition };
    found.set(name, original && { ...place, key: original.key, data: original.data, origin });
  }
  const records = [...found.values()].filter((record) => record !== undefined);
  return { records, originals: found.size };
}

async function letterAt(core: Core, partition: number, offset: number) {
  const missing = (why: string) =>
    new GyreError('DEAD_LETTER_NOT_FOUND', `dead letter ${offset} of partition ${partition} ${why}`, {
      partition,
      offset,
    });
  const within = partition >= 0 && partition < core.partitions;
  const found = within ? await core.reader.one(topics.deadletter.name, partition, offset) : undefined;
  const read = found === undefined || found.tick !== undefined ? undefined : decoded(topics.deadletter, found.data);
  if (read === undefined || read.problem !== undefined) throw missing('does not exist');
  if (read.event.group === '' || read.event.offset < 0)
    throw missing('has no original in the log; send the event again');
  return read.event;
}

import type { Topic } from '@gyre/contracts';
import { decoded } from '../encoding.js';
import { SequencesSeen } from '../folding/sequences-seen.js';
import { partitionOf } from '../partitioner.js';
import type { Recorded } from '../platform.js';
import type { Core } from './core.js';

/** The records of a topic up to its end at the call, page by page, without what its producers repeated. */
export async function* readTopic<E>(
  { reader, topics, logger, partitions }: Core,
  topic: Topic<E>,
  options: { key?: string; from?: ReadonlyMap<number, number> },
): AsyncGenerator<Recorded<E>> {
  await topics.ready([topic]);
  const ends = (await reader.ends([topic.name], partitions)).get(topic.name) ?? [];
  const only = options.key === undefined ? undefined : partitionOf(options.key, partitions);
  for (const [partition, end] of ends.entries()) {
    if (only !== undefined && partition !== only) continue;
    const seen = new SequencesSeen();
    for await (const page of reader.pages(topic.name, partition, options.from?.get(partition) ?? 0, end)) {
      for (const { offset, key, appendedAt, tick, data, producer, sequence } of page) {
        if (tick !== undefined || (options.key !== undefined && options.key !== key)) continue;
        if (!seen.accept(topic.name, producer, sequence)) continue;
        const read = decoded(topic, data);
        const place = { topic: topic.name, partition, offset };
        if (read.problem === undefined) yield { ...place, key, appendedAt, event: read.event };
        else logger('warn', 'a reader passes over an event', { ...place, reason: read.problem });
      }
      seen.keep();
    }
  }
}

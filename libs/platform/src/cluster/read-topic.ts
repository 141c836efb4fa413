import type { Topic } from '@gyre/contracts';
import { PageReader } from '../folding/page-reader.js';
import { partitionOf } from '../partitioner.js';
import type { Recorded } from '../platform.js';
import type { Core } from './core.js';

/** The records of a topic up to its end at the call, page by page, without what its producers repeated. */
export async function* readTopic<E>(
  { reader, topics, logger, partitions }: Core,
  topic: Topic<E>,
  { key, from }: { key?: string; from?: ReadonlyMap<number, number> },
): AsyncGenerator<Recorded<E>> {
  await topics.ready([topic]);
  const ends = (await reader.ends([topic.name], partitions)).get(topic.name) ?? [];
  const only = key === undefined ? undefined : partitionOf(key, partitions);
  for (const [partition, end] of ends.entries()) {
    if (only !== undefined && partition !== only) continue;
    const read = new PageReader(topic, partition, key, logger);
    for await (const page of reader.pages(topic.name, partition, from?.get(partition) ?? 0, end))
      yield* read.events(page);
  }
}

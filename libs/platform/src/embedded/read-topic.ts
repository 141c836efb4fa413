import type { Topic } from '@gyre/contracts';
import type { LogRecord } from '../folding/log-record.js';
import { PageReader } from '../folding/page-reader.js';
import { partitionOf } from '../partitioner.js';
import type { Recorded } from '../platform.js';
import type { Core } from './core.js';

const PAGE = 500;

/** The records of a topic below `ends`, page by page, without what its producers repeated. */
export async function* readTopic<E>(
  { log, logger, partitions }: Core,
  topic: Topic<E>,
  ends: readonly number[],
  { key, from }: { key?: string; from?: ReadonlyMap<number, number> },
): AsyncGenerator<Recorded<E>> {
  const only = key === undefined ? undefined : partitionOf(key, partitions);
  for (const [partition, end] of ends.entries()) {
    if (only !== undefined && partition !== only) continue;
    const read = new PageReader(topic, partition, key, logger);
    for (let next = from?.get(partition) ?? 0; next < end;) {
      const page = log.read(topic.name, partition, next, end, PAGE);
      yield* read.events(page);
      next = page.length < PAGE ? end : (page[PAGE - 1] as LogRecord).offset + 1;
    }
  }
}

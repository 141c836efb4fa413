import type { Topic } from '@gyre/contracts';
import { decoded } from '../encoding.js';
import { SequencesSeen } from '../folding/sequences-seen.js';
import { partitionOf } from '../partitioner.js';
import type { Recorded } from '../platform.js';
import type { Core } from './core.js';
import type { LogRecord } from '../folding/log-record.js';

const PAGE = 500;

/** The records of a topic below `ends`, page by page, without what its producers repeated. */
export async function* readTopic<E>(
  { log, logger, partitions }: Core,
  topic: Topic<E>,
  ends: readonly number[],
  options: { key?: string; from?: ReadonlyMap<number, number> },
): AsyncGenerator<Recorded<E>> {
  const only = options.key === undefined ? undefined : partitionOf(options.key, partitions);
  for (const [partition, end] of ends.entries()) {
    if (only !== undefined && partition !== only) continue;
    const seen = new SequencesSeen();
    for (let from = options.from?.get(partition) ?? 0; from < end;) {
      const records = log.read(topic.name, partition, from, end, PAGE);
      for (const { offset, key, appendedAt, tick, data, producer, sequence } of records) {
        if (tick !== undefined || (options.key !== undefined && options.key !== key)) continue;
        if (!seen.accept(topic.name, producer, sequence)) continue;
        const read = decoded(topic, data);
        const place = { topic: topic.name, partition, offset };
        if (read.problem === undefined) yield { ...place, key, appendedAt, event: read.event };
        else logger('warn', 'a reader passes over an event', { ...place, reason: read.problem });
      }
      from = records.length < PAGE ? end : (records[PAGE - 1] as LogRecord).offset + 1;
      seen.keep();
    }
  }
}

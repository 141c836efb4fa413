import { createRequire } from 'node:module';
import type { KafkaMessage } from 'kafkajs';
import type { Cluster } from './client.js';

/** What to read of one partition. */
export interface Wanted {
  topic: string;
  partition: number;
  offset: number;
}

/** What was found: `next` is where to go on, past what nobody is shown (aborted transactions and their marks). */
export interface Found {
  topic: string;
  partition: number;
  messages: readonly KafkaMessage[];
  next: number;
}

interface PartitionData {
  partition: number;
  messages: KafkaMessage[];
}

/** Brokers can do more than kafkajs's types say. */
interface FetchingBroker {
  fetch(request: {
    maxWaitTime: number;
    minBytes: number;
    maxBytes: number;
    isolationLevel: number;
    topics: { topic: string; partitions: { partition: number; fetchOffset: string; maxBytes: number }[] }[];
    rackId: string;
  }): Promise<{ responses: { topicName: string; partitions: PartitionData[] }[] }>;
}

interface FetchedBatch {
  messages: KafkaMessage[];
  messagesWithinOffset: KafkaMessage[];
}

/** kafkajs's own reading of an answer: it leaves out what lies before the offset, aborted records and marks. */
const Batch = createRequire(import.meta.url)('kafkajs/src/consumer/batch.js') as new (
  topic: string,
  fetchedOffset: string,
  data: PartitionData,
) => FetchedBatch;

const READ_COMMITTED = 1;

/** Asks one broker for partitions that it leads. Waits so long where there is nothing. */
export async function fetchFrom(
  cluster: Cluster,
  nodeId: string,
  wanted: readonly Wanted[],
  { waitMs, bytesMax, partitionBytesMax }: { waitMs: number; bytesMax: number; partitionBytesMax: number },
): Promise<Found[]> {
  const topics = new Map<string, { partition: number; fetchOffset: string; maxBytes: number }[]>();
  for (const { topic, partition, offset } of wanted) {
    const entry = { partition, fetchOffset: String(offset), maxBytes: partitionBytesMax };
    const known = topics.get(topic);
    if (known === undefined) topics.set(topic, [entry]);
    else known.push(entry);
  }
  const broker = (await cluster.findBroker({ nodeId })) as unknown as FetchingBroker;
  const { responses } = await broker.fetch({
    maxWaitTime: waitMs,
    minBytes: 1,
    maxBytes: bytesMax,
    isolationLevel: READ_COMMITTED,
    topics: [...topics].map(([topic, partitions]) => ({ topic, partitions })),
    rackId: '',
  });
  return responses.flatMap(({ topicName, partitions }) =>
    partitions.map((data) => {
      const offset = topics.get(topicName)?.find(({ partition }) => partition === data.partition)?.fetchOffset ?? '0';
      const batch = new Batch(topicName, offset, data);
      const last = batch.messagesWithinOffset.at(-1);
      const next = last === undefined ? Number(offset) : Number(last.offset) + 1;
      return { topic: topicName, partition: data.partition, messages: batch.messages, next };
    }),
  );
}

/** Partitions by the broker that leads each. */
export function byLeader<T extends { topic: string; partition: number }>(
  cluster: Cluster,
  places: readonly T[],
): Map<string, T[]> {
  const leaders = new Map<string, T[]>();
  for (const place of places) {
    const found = cluster.findLeaderForPartitions(place.topic, [place.partition]) as Record<string, number[]>;
    const leader = Object.keys(found)[0];
    if (leader === undefined) continue;
    const known = leaders.get(leader);
    if (known === undefined) leaders.set(leader, [place]);
    else known.push(place);
  }
  return leaders;
}

/** What kafkajs says where an offset is no longer, or not yet, in the log. */
export function isOutOfRange(error: unknown): error is Error & { topic: string; partition: number } {
  return Error.isError(error) && (error.name === 'KafkaJSOffsetOutOfRange' || typeOf(error) === 'OFFSET_OUT_OF_RANGE');
}

function typeOf(error: Error): string | undefined {
  return (error as { type?: string }).type;
}

/** Learns anew who leads, and connects again where the connection is gone. */
export async function recover(cluster: Cluster, error: unknown): Promise<void> {
  if (!Error.isError(error)) return;
  const { host, port } = error as { host?: string; port?: number };
  if (error.name === 'KafkaJSConnectionClosedError' && host !== undefined && port !== undefined)
    cluster.removeBroker({ host, port });
  if (!cluster.isConnected()) await cluster.connect();
  await cluster.refreshMetadata();
}

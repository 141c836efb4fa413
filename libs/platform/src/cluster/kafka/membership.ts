import kafkajs, { type Consumer, type GroupMember, type GroupMemberAssignment, type PartitionAssigner } from 'kafkajs';
import { messageOf } from '../../folding/dead-letter.js';
import type { Logger } from '../../logger.js';
import type { KafkaClient } from './client.js';

const { AssignerProtocol } = kafkajs;
const RETRY_MS = 500;
const IDLE_MS = 50;

export interface MembershipOptions {
  group: string;
  topics: readonly string[];
  partitions: number;
  sessionTimeoutMs: number;
  heartbeatEveryMs: number;
  /** Told which partitions are this member's, after each rebalance. */
  assigned: (partitions: readonly number[]) => void;
}

/**
 * A member of a consumer group: Kafka says which partitions are its own, and sees when it is gone. It reads nothing itself, for
 * kafkajs lets nobody wait between an assignment and the first fetch; where to go on is told by the commit record. So every partition of it is paused.
 */
export class Membership {
  #consumer: Consumer | undefined;
  #closed = false;
  #joining: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly kafka: KafkaClient,
    private readonly options: MembershipOptions,
    private readonly logger: Logger,
  ) {
    this.#joining = this.#join();
  }

  /** For lag alone: what counts is in the commit record. */
  async commit(offsets: readonly { topic: string; partition: number; offset: number }[]): Promise<void> {
    await this.#consumer?.commitOffsets(offsets.map((each) => ({ ...each, offset: String(each.offset) })));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#joining;
    await this.#consumer?.disconnect().catch(() => undefined);
  }

  async #join(): Promise<void> {
    const { group, topics, partitions, sessionTimeoutMs, heartbeatEveryMs } = this.options;
    const consumer = this.kafka.consumer({
      groupId: group,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: Math.max(sessionTimeoutMs, 10_000),
      heartbeatInterval: heartbeatEveryMs,
      // All are paused: this is how often kafkajs looks whether it is time for a heartbeat.
      maxWaitTimeInMs: Math.min(IDLE_MS, heartbeatEveryMs),
      partitionAssigners: [coPartitioned(partitions)],
      // It would restart itself in some cases and not in others: here it is always begun anew.
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 5, restartOnFailure: async () => false },
    });
    this.#consumer = consumer;
    consumer.on('consumer.group_join', ({ payload }) => this.#assigned(consumer, payload.memberAssignment));
    consumer.on('consumer.crash', ({ payload }) => {
      this.logger('warn', `${group} has left its consumer group; it joins again`, { error: messageOf(payload.error) });
      this.#again(consumer);
    });
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [...topics], fromBeginning: true });
      if (this.#closed) return;
      await consumer.run({ autoCommit: false, eachBatch: async () => undefined });
    } catch (error) {
      if (this.#closed) return;
      this.logger('warn', `${group} cannot join its consumer group; it tries again`, { error: messageOf(error) });
      this.#again(consumer);
    }
  }

  #assigned(consumer: Consumer, assignment: Record<string, number[]>): void {
    if (this.#closed || consumer !== this.#consumer) return;
    const own = [...new Set(Object.values(assignment).flat())].sort((a, b) => a - b);
    consumer.pause(Object.entries(assignment).map(([topic, partitions]) => ({ topic, partitions })));
    this.options.assigned(own);
  }

  #again(consumer: Consumer): void {
    if (this.#closed || consumer !== this.#consumer) return;
    this.#consumer = undefined;
    void consumer.disconnect().catch(() => undefined);
    this.#timer = setTimeout(() => {
      this.#joining = this.#join();
    }, RETRY_MS);
  }
}

/** Gives the same partitions of all topics to the same member: a task's inputs are co-partitioned. */
function coPartitioned(partitions: number): PartitionAssigner {
  return () => ({
    name: 'gyre-co-partitioned',
    version: 1,
    async assign({ members, topics }: { members: GroupMember[]; topics: string[] }): Promise<GroupMemberAssignment[]> {
      const sorted = members.map(({ memberId }) => memberId).sort();
      return sorted.map((memberId, i) => {
        const own = Array.from({ length: partitions }, (_, partition) => partition).filter(
          (partition) => partition % sorted.length === i,
        );
        const assignment = Object.fromEntries(topics.map((topic) => [topic, own]));
        return {
          memberId,
          memberAssignment: AssignerProtocol.MemberAssignment.encode({
            version: 1,
            assignment,
            userData: Buffer.alloc(0),
          }),
        };
      });
    },
    protocol: ({ topics }) => ({
      name: 'gyre-co-partitioned',
      metadata: AssignerProtocol.MemberMetadata.encode({ version: 1, topics, userData: Buffer.alloc(0) }),
    }),
  });
}

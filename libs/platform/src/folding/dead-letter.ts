import { GyreError, topics, type DeadLetter } from '@gyre/contracts';
import { encoded, type Data } from '../encoding.js';
import { partitionOf } from '../partitioner.js';
import type { Refusal } from '../task.js';
import type { LogRecord, Outgoing } from './log-record.js';

const PREVIEW_LENGTH = 2_000;

/** Where the event lies that was given up. */
export interface GivenUp {
  group: string;
  topic: string;
  partition: number;
  record: Pick<LogRecord, 'offset' | 'key' | 'appendedAt'>;
  attempts: number;
}

/** The dead letter as it goes into the log. */
export function deadLetter(at: GivenUp, refusal: Refusal, partitions: number): Outgoing {
  const letter: DeadLetter = {
    group: at.group,
    code: refusal.code,
    reason: refusal.reason,
    topic: at.topic,
    partition: at.partition,
    offset: at.record.offset,
    key: at.record.key,
    occurredAt: at.record.appendedAt,
    attempts: at.attempts,
    preview: refusal.preview.slice(0, PREVIEW_LENGTH),
  };
  const key = topics.deadletter.key(letter);
  return {
    topic: topics.deadletter.name,
    partition: partitionOf(key, partitions),
    key,
    data: encoded(topics.deadletter, letter),
  };
}

export function undecodable(problem: string, data: Data): Refusal {
  return { code: 'UNDECODABLE', reason: problem, preview: previewOf(data) };
}

/** For an event whose handling threw until no attempt was left. */
export function failed(error: unknown, data: Data): Refusal {
  return {
    code: error instanceof GyreError ? error.code : 'INTERNAL',
    reason: messageOf(error),
    preview: previewOf(data),
  };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** Raw bytes are shown by nobody but who understands them: they may hold private fields. */
function previewOf(data: Data): string {
  return typeof data === 'string' ? data : `(${data.length} bytes, not shown)`;
}

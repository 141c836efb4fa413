import { GyreError, topics, type DeadLetter } from '@gyre/contracts';
import { encoded, type Data } from '../encoding.js';
import { partitionOf } from '../partitioner.js';
import type { Refusal } from '../task.js';
import type { LogRecord, Outgoing } from './log-record.js';

/** A letter always fits into the log, whatever its event is like: a key or a reason may be as long as an event. In characters. */
const CODE_LENGTH = 100;
const KEY_LENGTH = 1_000;
const REASON_LENGTH = 2_000;
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
    code: cut(refusal.code, CODE_LENGTH),
    reason: cut(refusal.reason, REASON_LENGTH),
    topic: at.topic,
    partition: at.partition,
    offset: at.record.offset,
    key: cut(at.record.key, KEY_LENGTH),
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
  return Error.isError(error) ? `${error.name}: ${error.message}` : String(error);
}

/** What was left out is marked. */
function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`;
}

/** Raw bytes are shown by nobody but who understands them: they may hold private fields. */
function previewOf(data: Data): string {
  return typeof data === 'string' ? data : `(${data.length} bytes, not shown)`;
}

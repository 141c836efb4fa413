import type { Data } from '../encoding.js';

/** A record as a platform's log keeps it, before it is decoded. */
export interface LogRecord {
  offset: number;
  key: string;
  /** UTC milliseconds. */
  appendedAt: number;
  /** With `sequence`: who sent it, and as which of its own; undefined for what came from outside without a number. */
  producer: string | undefined;
  sequence: number;
  /** The time that a tick tells, UTC milliseconds; undefined for an event. */
  tick: number | undefined;
  data: Data;
  /** For a record of a retry topic. */
  origin: Origin | undefined;
}

/** What a record of a retry topic gives back. */
export interface Origin {
  /** Where the original lies, in the same partition. */
  topic: string;
  offset: number;
  /** The offset of the dead letter for which it was given back; -1 where that is not known. */
  letter: number;
}

/** An event on its way into the log. */
export interface Outgoing {
  topic: string;
  partition: number;
  key: string;
  data: Data;
}

/** The topic that gives refused events back to their group. */
export function retryTopicOf(group: string): string {
  return `gyre.retry.${group}`;
}

import { messageOf } from '../../folding/dead-letter.js';
import type { LogRecord } from '../../folding/log-record.js';
import type { Logger } from '../../logger.js';
import type { Outage } from '../outage.js';
import { openCluster, type Cluster, type KafkaClient } from './client.js';
import { byLeader, fetchFrom, isOutOfRange, recover } from './fetch.js';
import { decodeRecord } from './records.js';

const PARTITION_BYTES = 1_048_576;
const ANSWER_BYTES = 10_485_760;
/** A paused feed goes on when half of it is worked off. */
const FEED_BYTES = 2 * PARTITION_BYTES;
const RETRY_MS = 200;

/** One partition on its way to whoever works on it: a queue of bounded size. When it is full, fetching pauses for it. */
export class Feed {
  readonly records: LogRecord[] = [];
  /** The next offset to fetch: what lies below was delivered, or is nothing. */
  position: number;
  /** Whether the broker has answered once, be it with nothing. */
  primed = false;
  /** Whether it was said that the topic ends before it. */
  toldPastEnd = false;
  #bytes = 0;
  #paused = false;

  constructor(
    readonly topic: string,
    readonly partition: number,
    from: number,
    readonly raw: boolean,
    /** Called when there is more, or when it has become known that there is not. */
    private readonly arrived: () => void,
    private readonly resumed: () => void,
  ) {
    this.position = from;
  }

  get paused(): boolean {
    return this.#paused;
  }

  deliver(records: readonly LogRecord[], next: number): void {
    const first = !this.primed;
    this.primed = true;
    this.position = next;
    for (const record of records) {
      this.records.push(record);
      this.#bytes += record.data.length + 100;
    }
    if (this.#bytes >= FEED_BYTES) this.#paused = true;
    if (first || records.length > 0) this.arrived();
  }

  /** Takes the first ones off. */
  shift(count: number): void {
    for (const { data } of this.records.splice(0, count)) this.#bytes -= data.length + 100;
    if (this.#paused && this.#bytes < FEED_BYTES / 2) {
      this.#paused = false;
      this.resumed();
    }
  }
}

/** Reads partitions for one reader, from where it says, over a connection of its own. */
export class FetchLoop {
  readonly #cluster: Cluster;
  readonly #feeds = new Set<Feed>();
  readonly #flying = new Set<string>();
  #targets = new Set<string>();
  #connected: Promise<void> | undefined;
  #turning = false;
  #departing: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(
    kafka: KafkaClient,
    private readonly name: string,
    private readonly waitMs: number,
    private readonly outage: Outage,
    private readonly logger: Logger,
  ) {
    this.#cluster = openCluster(kafka);
  }

  open(topic: string, partition: number, from: number, raw: boolean, arrived: () => void): Feed {
    const feed = new Feed(topic, partition, from, raw, arrived, () => this.#turn());
    this.#feeds.add(feed);
    this.#turn();
    return feed;
  }

  drop(feed: Feed): void {
    this.#feeds.delete(feed);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#feeds.clear();
    await this.#departing;
    await this.#connected?.catch(() => undefined);
    await this.#cluster.disconnect().catch(() => undefined);
  }

  /** Sets off for every broker that leads a feed which is not paused and that is not asked already. */
  #turn(): void {
    if (this.#turning || this.#closed) return;
    this.#turning = true;
    this.#departing = this.#depart().finally(() => (this.#turning = false));
  }

  async #depart(): Promise<void> {
    // A look at the feeds at the end of this turn of the event loop sees all that were opened in it.
    await new Promise((resolve) => setImmediate(resolve));
    try {
      await this.#connect();
      for (const leader of byLeader(this.#cluster, this.#hungry()).keys()) void this.#ask(leader);
    } catch (error) {
      await this.#failed(error);
    }
  }

  #hungry(): Feed[] {
    return [...this.#feeds].filter((feed) => !feed.paused);
  }

  async #connect(): Promise<void> {
    if (this.#closed) throw new Error('closed');
    await (this.#connected ??= this.#cluster.connect());
    const topics = [...new Set([...this.#feeds].map(({ topic }) => topic))].filter((each) => !this.#targets.has(each));
    if (topics.length === 0) return;
    await this.#cluster.addMultipleTargetTopics(topics);
    for (const topic of topics) this.#targets.add(topic);
  }

  async #ask(leader: string): Promise<void> {
    // One at a time, for two would bring the same records.
    if (this.#flying.has(leader)) return;
    this.#flying.add(leader);
    try {
      while (!this.#closed) {
        await this.#connect();
        const wanted = byLeader(this.#cluster, this.#hungry()).get(leader);
        if (wanted === undefined) break;
        await this.#fetch(leader, wanted);
      }
      this.#flying.delete(leader);
    } catch (error) {
      // It may be another that leads by now. From here on somebody else may ask.
      this.#flying.delete(leader);
      await this.#failed(error);
    }
  }

  async #fetch(leader: string, feeds: readonly Feed[]): Promise<void> {
    const wanted = feeds.map(({ topic, partition, position }) => ({ topic, partition, offset: position }));
    const limits = { waitMs: this.waitMs, bytesMax: ANSWER_BYTES, partitionBytesMax: PARTITION_BYTES };
    const found = await fetchFrom(this.#cluster, leader, wanted, limits);
    this.outage.answered();
    for (const { topic, partition, messages, next } of found) {
      const at = feeds.findIndex((each) => each.topic === topic && each.partition === partition);
      const feed = feeds[at];
      // What was delivered meanwhile, or skipped, is not delivered again.
      if (feed === undefined || !this.#feeds.has(feed) || feed.position !== wanted[at]?.offset) continue;
      feed.deliver(
        messages.map((message) => decodeRecord(message, feed.raw)),
        next,
      );
    }
  }

  async #failed(error: unknown): Promise<void> {
    if (this.#closed) return;
    if (isOutOfRange(error)) await this.#skipExpired().catch(() => undefined);
    else {
      this.outage.failed(error);
      this.logger('warn', `${this.name} cannot read; it tries again`, { error: messageOf(error) });
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      if (this.#closed) return;
      this.#connected = undefined;
      await recover(this.#cluster, error).catch(() => undefined);
    }
    // What was at work when it was closed may have connected again.
    if (this.#closed) return void (await this.#cluster.disconnect().catch(() => undefined));
    setImmediate(() => this.#turn());
  }

  #tellLost({ topic, partition, position }: Feed, beginning: number): void {
    // A reader that begins takes what there is.
    if (position === 0) return;
    this.logger(
      'error',
      `${this.name} passes over records that were deleted before it had read them: it was away or behind for longer than the topic is kept. See the topic's retention.ms, and why the group was behind`,
      { topic, partition, from: position, to: beginning },
    );
  }

  /** What has expired is passed over, which is a loss: it is told. */
  async #skipExpired(): Promise<void> {
    for (const feed of this.#hungry()) {
      const { topic, partition } = feed;
      const at = [{ topic, partitions: [{ partition }] }];
      const [beginning] = await this.#cluster.fetchTopicsOffset(at.map((each) => ({ ...each, fromBeginning: true })));
      const [end] = await this.#cluster.fetchTopicsOffset(at.map((each) => ({ ...each, fromBeginning: false })));
      const [low, high] = [beginning, end].map((found) => Number(found?.partitions[0]?.offset ?? NaN)) as [
        number,
        number,
      ];
      // Of what was not answered nothing is known: it is asked again.
      if (feed.position < low) {
        this.#tellLost(feed, low);
        feed.deliver([], low);
      } else if (feed.position > high && !feed.toldPastEnd) {
        feed.toldPastEnd = true;
        this.logger(
          'error',
          `${this.name} stands past the end of a partition and reads nothing more of it: the topic was deleted and made anew, or its brokers lost what they had confirmed. Where it was made anew, begin with another kafka.prefix and another mongodb.database`,
          { topic, partition, offset: feed.position, end: high },
        );
      }
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS / 4));
  }
}

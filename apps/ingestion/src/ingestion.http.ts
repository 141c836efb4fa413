import { Body, Controller, Get, Headers, HttpCode, Inject, Post, Query } from '@nestjs/common';
import {
  DEAD_LETTERS_LISTED_MAX,
  EVENT_BYTES_MAX,
  GyreError,
  topics,
  type DeadLetter,
  type DeadLetterEntry,
  type EventsAccepted,
} from '@gyre/contracts';
import { Catalog, Config, JsonBody, Metrics, Settling, Needs } from '@gyre/hosting';
import { Platform, type Recorded, type Replayed } from '@gyre/platform';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { IngestionConfig } from './ingestion.config.js';
import { NewestLetters } from './newest-letters.js';
import { preview } from './preview.js';
import { splitBody, type RawEvent } from './split-body.js';

const ReplayRequest = z.union([
  z.strictObject({ letters: z.array(z.strictObject({ partition: z.int().min(0), offset: z.int().min(0) })).min(1) }),
  z.strictObject({ all: z.literal(true), group: z.string().optional() }),
]);

/** A replay's wishes: `settle`, to be answered when everything has had its effects; `tick`, the time to tell then, UTC milliseconds. */
const EventsQuery = z.strictObject({
  settle: z.literal('true').optional(),
  tick: z
    .string()
    .regex(/^\d{1,15}$/, 'must be UTC milliseconds')
    .transform(Number)
    .optional(),
});

/** Events or letters handled before the event loop has its turn. */
const CHUNK = 1_000;

@Controller('v1')
export class IngestionController {
  readonly #eventsMax: number;

  constructor(
    @Inject(Platform) private readonly platform: Platform,
    @Inject(Catalog) private readonly catalog: Catalog,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(Settling) private readonly settling: Settling,
    @Inject(NewestLetters) private readonly letters: NewestLetters,
    @Inject(Config) config: Config,
  ) {
    this.#eventsMax = config.read('ingestion', IngestionConfig).eventsPerCallMax;
  }

  @Needs('producer')
  @Post('events')
  @HttpCode(202)
  async events(
    @Body() body: Buffer | undefined,
    @Query() query: unknown,
    @Headers('content-type') contentType = 'application/json',
  ): Promise<EventsAccepted> {
    const { settle, tick } = wishes(query);
    this.settling.assertTold(tick);
    // A label is to find its prediction where that was answered before the call.
    if (settle) await this.settling.settle();
    const accepted = await this.append(body, contentType);
    if (settle) await this.settling.settle(tick);
    return accepted;
  }

  private async append(body: Buffer | undefined, contentType: string): Promise<EventsAccepted> {
    const events = splitBody(body ?? new Uint8Array(), contentType);
    if (events.length > this.#eventsMax)
      throw new GyreError(
        'EVENT_TOO_LARGE',
        `the body holds ${events.length} events; at most ${this.#eventsMax} are taken in one call: none was taken, send fewer at a time`,
      );
    const fitting = events.filter(({ bytes }) => bytes.length <= EVENT_BYTES_MAX);
    const refused = events.flatMap((event, index) =>
      event.bytes.length > EVENT_BYTES_MAX ? [{ index, ...tooLarge(event) }] : [],
    );
    for (const some of chunks(refused)) {
      await this.platform.append(
        topics.deadletter,
        some.map(({ index, reason }) => this.letter(events[index] as RawEvent, reason)),
      );
      await setImmediate();
    }
    for (const some of chunks(fitting)) {
      await this.platform.appendRaw(topics.ingest, some);
      await setImmediate();
    }
    const counter = this.metrics.counter(
      'gyre_ingestion_events_total',
      'Events received over HTTP, by whether they were appended',
      ['result'],
    );
    counter.inc({ result: 'appended' }, fitting.length);
    counter.inc({ result: 'refused' }, refused.length);
    return { accepted: fitting.length, refused };
  }

  @Needs('viewer')
  @Get('deadletters')
  async deadLetters(@Query('limit') limit = '100', @Query('group') group?: string): Promise<DeadLetterEntry[]> {
    const most = Number(limit);
    if (!Number.isInteger(most) || most < 1 || most > DEAD_LETTERS_LISTED_MAX)
      throw new GyreError('BAD_REQUEST', `limit=${limit} is not a whole number from 1 to ${DEAD_LETTERS_LISTED_MAX}`);
    return (await this.letters.newest(most, group)).map(entryOf);
  }

  /** Refused events are given to their group again, for example after a spec was mended: each once, however often it was refused. */
  @Needs('operator')
  @Post('deadletters/replay')
  @HttpCode(202)
  async replay(@Body(new JsonBody(ReplayRequest)) request: z.infer<typeof ReplayRequest>): Promise<Replayed> {
    if ('letters' in request) return this.platform.replayDeadLetters(request.letters);
    const sum: Replayed = { replayed: 0, expired: 0 };
    for (const some of chunks(await this.newestOfEach(request.group))) {
      const { replayed, expired } = await this.platform.replayDeadLetters(some);
      sum.replayed += replayed;
      sum.expired += expired;
      await setImmediate();
    }
    return sum;
  }

  /** Of every original that lay in the log, its newest letter. */
  private async newestOfEach(only: string | undefined): Promise<{ partition: number; offset: number }[]> {
    const newest = new Map<string, { partition: number; offset: number }>();
    const options = only === undefined ? {} : { key: only };
    for await (const { partition, offset, event } of this.platform.read(topics.deadletter, options)) {
      if (event.offset < 0) continue;
      newest.set(`${event.group} ${event.topic} ${event.partition} ${event.offset}`, { partition, offset });
    }
    return [...newest.values()];
  }

  private letter({ key, bytes }: RawEvent, reason: string): DeadLetter {
    const text = preview(bytes.subarray(0, 4_000), undefined, this.catalog.allViews());
    const source = { group: 'ingestion.accept', topic: topics.ingest.name, partition: 0, offset: -1 };
    return { ...source, code: 'EVENT_TOO_LARGE', reason, key, occurredAt: Date.now(), attempts: 0, preview: text };
  }
}

/** @throws GyreError BAD_REQUEST */
function wishes(query: unknown): { settle: boolean; tick: number | undefined } {
  const { success, data, error } = EventsQuery.safeParse(query);
  if (success) return { settle: data.settle !== undefined || data.tick !== undefined, tick: data.tick };
  const problems = error.issues.map((issue) => `${issue.path.join('.') || 'query'}: ${issue.message}`);
  throw new GyreError('BAD_REQUEST', `${problems.join('; ')}; an events call takes ?settle=true and ?tick=MS`);
}

function* chunks<T>(items: readonly T[]): Generator<T[]> {
  for (let from = 0; from < items.length; from += CHUNK) yield items.slice(from, from + CHUNK);
}

function tooLarge({ bytes }: RawEvent): { code: string; reason: string } {
  return {
    code: 'EVENT_TOO_LARGE',
    reason: `the event has ${bytes.length} bytes; at most ${EVENT_BYTES_MAX} are taken`,
  };
}

function entryOf({ partition, offset, event }: Recorded<DeadLetter>): DeadLetterEntry {
  const { group, code, reason, occurredAt, attempts } = event;
  const source = { topic: event.topic, partition: event.partition, offset: event.offset };
  return { partition, offset, group, code, reason, source, occurredAt, attempts, preview: event.preview };
}

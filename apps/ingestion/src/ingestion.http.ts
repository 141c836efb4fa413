import { Body, Controller, Get, Headers, HttpCode, Inject, Post, Query } from '@nestjs/common';
import {
  EVENT_BYTES_MAX,
  GyreError,
  topics,
  type DeadLetter,
  type DeadLetterEntry,
  type EventsAccepted,
} from '@gyre/contracts';
import { Catalog, JsonBody, Metrics } from '@gyre/hosting';
import { Platform, type Recorded } from '@gyre/platform';
import { z } from 'zod';
import { preview } from './preview.js';
import { splitBody, type RawEvent } from './split-body.js';

const ReplayRequest = z.union([
  z.strictObject({ letters: z.array(z.strictObject({ partition: z.int().min(0), offset: z.int().min(0) })).min(1) }),
  z.strictObject({ all: z.literal(true), group: z.string().optional() }),
]);

@Controller('v1')
export class IngestionController {
  constructor(
    @Inject(Platform) private readonly platform: Platform,
    @Inject(Catalog) private readonly catalog: Catalog,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  @Post('events')
  @HttpCode(202)
  async events(
    @Body() body: Buffer | undefined,
    @Headers('content-type') contentType = 'application/json',
  ): Promise<EventsAccepted> {
    const events = splitBody(body ?? new Uint8Array(), contentType);
    const fitting = events.filter(({ bytes }) => bytes.length <= EVENT_BYTES_MAX);
    const refused = events.flatMap((event, index) =>
      event.bytes.length > EVENT_BYTES_MAX ? [{ index, ...tooLarge(event) }] : [],
    );
    if (refused.length > 0)
      await this.platform.append(
        topics.deadletter,
        refused.map(({ index, reason }) => this.letter(events[index] as RawEvent, reason)),
      );
    if (fitting.length > 0) await this.platform.appendRaw(topics.ingest, fitting);
    this.metrics
      .counter('gyre_ingestion_events_total', 'Events received over HTTP, by whether they were appended', ['result'])
      .inc({ result: 'appended' }, fitting.length);
    return { accepted: fitting.length, refused };
  }

  @Get('deadletters')
  async deadLetters(@Query('limit') limit = '100', @Query('group') group?: string): Promise<DeadLetterEntry[]> {
    const most = Number(limit);
    if (!Number.isInteger(most) || most < 1)
      throw new GyreError('BAD_REQUEST', `limit=${limit} is not a whole number above 0`);
    const letters: DeadLetterEntry[] = [];
    for await (const record of this.platform.read(topics.deadletter, group === undefined ? {} : { key: group }))
      letters.push(entryOf(record));
    return letters
      .sort((a, b) => a.occurredAt - b.occurredAt || a.offset - b.offset)
      .slice(-most)
      .reverse();
  }

  /** Refused events are given to their group again, for example after a spec was mended. */
  @Post('deadletters/replay')
  @HttpCode(202)
  async replay(
    @Body(new JsonBody(ReplayRequest)) request: z.infer<typeof ReplayRequest>,
  ): Promise<{ replayed: number }> {
    const letters =
      'letters' in request
        ? request.letters
        : (await this.deadLetters('1000000', request.group)).filter(({ source }) => source.offset >= 0);
    return {
      replayed: await this.platform.replayDeadLetters(letters.map(({ partition, offset }) => ({ partition, offset }))),
    };
  }

  private letter({ key, bytes }: RawEvent, reason: string): DeadLetter {
    const text = preview(bytes.subarray(0, 4_000), undefined, this.catalog.allViews());
    const source = { group: 'ingestion.accept', topic: topics.ingest.name, partition: 0, offset: -1 };
    return { ...source, code: 'EVENT_TOO_LARGE', reason, key, occurredAt: Date.now(), attempts: 0, preview: text };
  }
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

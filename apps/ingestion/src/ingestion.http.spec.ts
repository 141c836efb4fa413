import { EVENT_BYTES_MAX, topics, type DeadLetter } from '@gyre/contracts';
import { Catalog, Config, Metrics, Peers, PeersConfig, Readiness, Settling } from '@gyre/hosting';
import { EmbeddedPlatform } from '@gyre/platform';
import { IngestionController } from './ingestion.http.js';
import { NewestLetters } from './newest-letters.js';

let platform: EmbeddedPlatform;
let http: IngestionController;
beforeEach(() => {
  platform = EmbeddedPlatform.inMemory({ partitions: 2, tickEveryMs: null });
  const settling = new Settling(platform, new Readiness(), new Peers(PeersConfig.parse({}), [], []));
  const config = Config.load({ known: ['ingestion'] });
  http = new IngestionController(platform, new Catalog(), new Metrics(), settling, new NewestLetters(platform), config);
});
afterEach(() => platform.close());

describe('POST /v1/events', () => {
  it.each([
    ['its values', { values: { x: 'x'.repeat(EVENT_BYTES_MAX) } }],
    ['its id', { id: 'x'.repeat(EVENT_BYTES_MAX) }],
  ])('refuses an event that is too long by %s, alone: the others are taken', async (_, change) => {
    const events = [{ id: 'before' }, { id: 'long', ...change }, { id: 'after' }];
    const answer = await http.events(Buffer.from(JSON.stringify(events)), {});
    expect(answer).toEqual({
      accepted: 2,
      refused: [{ index: 1, code: 'EVENT_TOO_LARGE', reason: expect.any(String) }],
    });
    const letters: DeadLetter[] = [];
    for await (const { event } of platform.read(topics.deadletter)) letters.push(event);
    expect(letters).toHaveLength(1);
    expect(letters[0]).toMatchObject({ code: 'EVENT_TOO_LARGE', group: 'ingestion.accept' });
  });
});

describe('GET /v1/deadletters', () => {
  const GROUPS = ['ingestion.accept', 'drift-monitor.join', 'feature-store.online'];
  const append = (numbers: number[]): Promise<unknown> => {
    const letters = numbers.map((n) => ({
      group: GROUPS[n % 3] as string,
      code: 'BAD_EVENT',
      reason: `number ${n}`,
      topic: 'gyre.ingest',
      partition: 0,
      // Every fourth was sent long before it was refused.
      offset: n,
      key: '',
      occurredAt: n % 4 === 0 ? n - 1_000 : n,
      attempts: 1,
      preview: '{}',
    }));
    return platform.append(topics.deadletter, letters);
  };
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  const offsets = async (limit?: string, group?: string) =>
    (await http.deadLetters(limit, group)).map(({ source }) => source.offset);

  it('shows the newest first, of all groups or of one', async () => {
    await append(range(1, 200));
    const newest = range(1, 200)
      .filter((n) => n % 4 !== 0)
      .reverse();
    expect(await offsets('50')).toEqual(newest.slice(0, 50));
    expect(await offsets('20', GROUPS[1])).toEqual(newest.filter((n) => n % 3 === 1).slice(0, 20));
    expect((await offsets()).length).toBe(100);
    expect((await offsets('10000')).length).toBe(199);
    expect(await offsets('10', 'no.group')).toEqual([]);
    await append([201]);
    expect((await offsets('1'))[0]).toBe(201);
  });

  it('reads the end of the topic only, however much lies before it', async () => {
    await append(range(0, 3_000).filter((n) => n % 4 !== 0));
    await offsets('10');
    let read = 0;
    const original = platform.read.bind(platform);
    platform.read = async function* (...args: Parameters<typeof original>) {
      for await (const record of original(...args)) {
        read += 1;
        yield record;
      }
    } as typeof platform.read;
    expect((await offsets('10')).length).toBe(10);
    expect(read).toBeLessThan(100);
  });

  it.each(['0', '1.5', 'many', '100001', '1000000'])('refuses limit=%s', async (limit) => {
    await expect(http.deadLetters(limit)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: `limit=${limit} is not a whole number from 1 to 100000`,
    });
  });
});

import { EVENT_BYTES_MAX, topics, type DeadLetter } from '@gyre/contracts';
import { Catalog, Config, Metrics, Peers, PeersConfig, Readiness, Settling } from '@gyre/hosting';
import { EmbeddedPlatform } from '@gyre/platform';
import { IngestionController } from './ingestion.http.js';

let platform: EmbeddedPlatform;
let http: IngestionController;
beforeEach(() => {
  platform = EmbeddedPlatform.inMemory({ partitions: 2, tickEveryMs: null });
  const settling = new Settling(platform, new Readiness(), new Peers(PeersConfig.parse({}), [], []));
  const config = Config.load({ known: ['ingestion'] });
  http = new IngestionController(platform, new Catalog(), new Metrics(), settling, config);
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

import { describeOnServers, testServers } from '../../../../../tools/servers/index.mjs';
import { range } from '../../contract/words.js';
import { harness } from '../cluster.harness.js';
import type { MongoOptions } from '../options.js';
import { Outage } from '../outage.js';
import { idOf, type Commits } from './commits.js';
import { openMongo } from './connection.js';
import { Store } from './store.js';

describeOnServers('the commit records of a partition', await testServers(), () => {
  let place: string;
  let store: Store;
  let commits: Commits;
  const batchOf = (partition: number, owner: string, batch: number) => ({
    _id: idOf(partition, batch),
    partition,
    owner,
    batch,
    takenAt: 0,
    sequence: batch,
    offsets: [{ topic: 'test.words', next: batch }],
    ticks: [],
    seen: [],
    pending: null,
    doubtUntil: 0,
  });
  beforeAll(async () => {
    place = await harness.place();
    const outage = new Outage('MongoDB', () => undefined);
    const { mongodb } = JSON.parse(place) as { mongodb: MongoOptions };
    store = new Store(await openMongo(mongodb, { forMs: 30_000, outage }), { outage, isClosed: () => false });
    await store.check(999, 30_000);
    commits = store.commits('test.sums');
  });
  afterAll(async () => {
    await store.close();
    await harness.remove(place);
  });

  it('are refused to an owner of before, or known to the next one, when both write at once', async () => {
    for (const partition of range(0, 100)) {
      const { batch } = await commits.takeOver(partition, 'first');
      const [isCommitted, taken] = await Promise.all([
        commits.add(batchOf(partition, 'first', batch + 1)),
        commits.takeOver(partition, 'second'),
      ]);
      expect(taken.offsets.map(({ next }) => next)).toEqual(isCommitted ? [batch + 1] : []);
      expect(await commits.add(batchOf(partition, 'first', batch + 1 + Number(isCommitted)))).toBe(false);
      expect((await commits.newest(partition))?.owner).toBe('second');
    }
  });

  it('are added once, however often they are sent', async () => {
    const { batch } = await commits.takeOver(200, 'first');
    const sent = range(0, 5).map(() => commits.add(batchOf(200, 'first', batch + 1)));
    expect(await Promise.all(sent)).toEqual(Array(5).fill(true));
    await commits.drop(200, batch + 1);
    expect((await commits.newest(200))?.batch).toBe(batch);
  });

  it('show the newest of each partition', async () => {
    await commits.takeOver(300, 'first');
    for (const batch of [2, 3]) await commits.add(batchOf(300, 'first', batch));
    const shown = (await commits.standings()).filter(({ partition }) => partition === 300);
    expect(shown).toMatchObject([{ batch: 3, offsets: [{ topic: 'test.words', next: 3 }] }]);
  });
});

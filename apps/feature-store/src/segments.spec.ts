import { createHash } from 'node:crypto';
import { EmbeddedPlatform } from '@gyre/platform';
import { CommittedSegments, withSegment, type ArchiveState, type Segment } from './segments.js';

const segment = (n: number): Segment => ({
  first: 1_000 * n,
  last: 1_000 * n + 999,
  rows: 1_000,
  tables: [
    { name: 'market', file: `gyre.history/market/p0/${'0'.repeat(40)}-${n}.parquet`, rows: 1_000, from: n, to: n + 1 },
  ],
});

/** Artifacts by their names, and how often each was read. */
class Kept {
  readonly content = new Map<string, Uint8Array>();
  reads = 0;
  put(bytes: Uint8Array): Promise<string> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    this.content.set(sha256, bytes);
    return Promise.resolve(sha256);
  }
  get(sha256: string): Promise<Uint8Array> {
    this.reads += 1;
    return Promise.resolve(this.content.get(sha256) as Uint8Array);
  }
}

const reading = (kept: Kept, state: () => ArchiveState) => {
  const scan = async function* () {
    yield { key: '', state: state() };
  };
  return new CommittedSegments({ scan, artifacts: kept } as unknown as EmbeddedPlatform);
};
const all = async (committed: CommittedSegments): Promise<Segment[]> => {
  const found = [];
  for await (const { segments } of committed.of({ name: 'archive' })) found.push(...segments);
  return found;
};

describe('the list of an archive', () => {
  it('stays short in the state however long it grows, and loses and doubles nothing', async () => {
    const kept = new Kept();
    let state: ArchiveState = { partition: 0, segments: [] };
    const committed = reading(kept, () => state);
    let longest = 0;
    for (let n = 0; n < 3_000; n++) {
      state = await withSegment(state, segment(n), kept, 4);
      longest = Math.max(longest, JSON.stringify(state).length);
      if (n % 500 === 0) expect((await all(committed)).length).toBe(n + 1);
    }
    expect(longest).toBeLessThan(8_000);
    expect((await all(committed)).map(({ first }) => first)).toEqual(
      Array.from({ length: 3_000 }, (_, n) => 1_000 * n),
    );
  });

  it('is read again only where it has grown', async () => {
    const kept = new Kept();
    let state: ArchiveState = { partition: 0, segments: [] };
    const committed = reading(kept, () => state);
    for (let n = 0; n < 200; n++) state = await withSegment(state, segment(n), kept, 4);
    await all(committed);
    const before = kept.reads;
    await all(committed);
    expect(kept.reads).toBe(before);
    for (let n = 200; n < 204; n++) state = await withSegment(state, segment(n), kept, 4);
    await all(committed);
    expect(kept.reads).toBeLessThanOrEqual(before + 4);
  });

  it('is the same when it is made again, so that what was killed before it was committed leaves nothing that counts', async () => {
    const kept = new Kept();
    const before: ArchiveState = { partition: 0, segments: Array.from({ length: 8 }, (_, n) => segment(n)) };
    const lost = await withSegment(before, segment(8), kept, 4);
    const again = await withSegment(before, { ...segment(8), last: 8_500 }, kept, 4);
    expect(again.lists).toEqual(lost.lists);
    expect(kept.content.size).toBe(1);
  });

  it('takes over the state of a Gyre that kept all of it there', async () => {
    const kept = new Kept();
    const long: ArchiveState = { partition: 3, segments: Array.from({ length: 40_000 }, (_, n) => segment(n)) };
    const state = await withSegment(long, segment(40_000), kept);
    expect(JSON.stringify(state).length).toBeLessThan(100_000);
    expect((await all(reading(kept, () => state))).map(({ first }) => first)).toEqual(
      Array.from({ length: 40_001 }, (_, n) => 1_000 * n),
    );
  });

  it('can be read again after an artifact could not be had', async () => {
    const kept = new Kept();
    let state: ArchiveState = { partition: 0, segments: [] };
    for (let n = 0; n < 20; n++) state = await withSegment(state, segment(n), kept, 4);
    const committed = reading(kept, () => state);
    const { get } = kept;
    kept.get = () => Promise.reject(new Error('the store is away'));
    await expect(all(committed)).rejects.toThrow('away');
    kept.get = get;
    expect((await all(committed)).length).toBe(20);
  });
});

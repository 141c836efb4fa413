import { mulberry32 } from './mulberry32.js';
import { ShareRise } from './share-rise.js';

describe('ShareRise', () => {
  it('finds a burst in the batch in which it comes, and a small rise in time', () => {
    const burst = new ShareRise(0.02);
    for (let i = 0; i < 200; i++) expect(burst.add(1, 50)).toBeLessThan(1e6);
    expect(burst.add(15, 50)).toBeGreaterThan(1e6);
    const small = new ShareRise(0.02);
    const batches = Array.from({ length: 200 }, () => small.add(3, 50)).findIndex((evidence) => evidence >= 1e6);
    expect(batches).toBeGreaterThan(5);
    expect(batches).toBeLessThan(20);
  });

  it('alarms no oftener than it is asked to, in whatever batches rows come', () => {
    for (const size of [1, 20, 500]) {
      const chance = mulberry32(size);
      let [alarms, rows] = [0, 0];
      for (let stream = 0; stream < 40; stream++) {
        let watch = new ShareRise(0.1);
        for (let i = 0; i < 10_000; i += size) {
          let hits = 0;
          for (let j = 0; j < size; j++) hits += chance() < 0.1 ? 1 : 0;
          rows += size;
          if (watch.add(hits, size) < 1_000) continue;
          alarms += 1;
          watch = new ShareRise(0.1);
        }
      }
      expect(alarms / rows).toBeLessThan(1e-3);
    }
  });

  it('goes on from its state', () => {
    const [whole, begun] = [new ShareRise(0.1), new ShareRise(0.1)];
    for (const one of [whole, begun]) one.add(3, 20);
    const resumed = new ShareRise(0.1);
    resumed.restore(JSON.parse(JSON.stringify(begun.state())) as number[]);
    expect(resumed.add(4, 20)).toBe(whole.add(4, 20));
    expect(() => resumed.restore([1])).toThrow(RangeError);
    expect(() => resumed.add(3, 2)).toThrow(RangeError);
  });
});

import { describeOnServers, testServers } from '../../../../tools/servers/index.mjs';
import { say, words, type Word } from '../contract/words.js';
import type { Platform } from '../platform.js';
import { harness } from './cluster.harness.js';

/** As where MongoDB or Kafka fails in the midst of a commit: the process lives, and goes on from what is recorded. */
describeOnServers('a commit that fails half way', await testServers(), () => {
  let place: string;
  let platform: Platform;
  beforeEach(async () => {
    place = await harness.place();
  });
  afterEach(async () => {
    await platform.close();
    await harness.remove(place);
  });

  it.each(harness.steps.task.filter((step) => /recorded|states|published/.test(step)))(
    'at "%s" loses no state of its batch, and doubles none',
    async (at) => {
      let fails = true;
      const onStep = (step: string) => {
        if (step !== at || !fails) return;
        fails = false;
        throw new Error('the database went away');
      };
      platform = await harness.open(place, { onStep });
      platform.run<number, Word>({
        name: 'test.count',
        inputs: [words],
        handle: (count = 0) => ({ state: count + 1 }),
      });
      for (const n of [1, 2, 3]) {
        await platform.append(words, say('a', n));
        await platform.settled();
      }
      expect(fails).toBe(false);
      expect(await platform.states<number>({ name: 'test.count' }, ['a'])).toEqual(new Map([['a', 3]]));
    },
  );
});

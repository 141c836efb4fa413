import { publish } from '../task.js';
import { echoes, words } from '../contract/words.js';
import { ClusterPlatform } from './cluster-platform.js';
import type { ClusterOptions } from './options.js';

/** What a replica is to do, as its argument, in JSON. */
export interface ReplicaPart {
  options: Pick<ClusterOptions, 'kafka' | 'mongodb' | 'partitions'>;
  /** Stops itself (SIGSTOP) when it comes to this step of a commit the nth time. */
  stop?: { step: string; nth: number };
}

/** Sums what each key said, and says each sum. Prints the partition of each event. */
async function replica({ options, stop }: ReplicaPart): Promise<void> {
  let left = stop?.nth ?? 0;
  const platform = await ClusterPlatform.open({
    ...options,
    tickEveryMs: null,
    topics: [words, echoes],
    onStep: (step) => {
      if (step !== stop?.step || --left !== 0) return;
      console.log('stopped');
      process.kill(process.pid, 'SIGSTOP');
    },
  });
  platform.run({
    name: 'test.sums',
    inputs: [words],
    handle: (sum: number = 0, { key, n }, { partition }) => {
      console.log(`partition ${partition}`);
      return { state: sum + n, publish: [publish(echoes, { key, n: sum + n })] };
    },
  });
}

await replica(JSON.parse(process.argv[2] as string) as ReplicaPart);

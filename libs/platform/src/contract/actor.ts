import { circleOrders, runCircle } from './circle.js';
import type { PlatformHarness } from './harness.js';

/** What a child process is to do, as its second argument, in JSON. */
export interface Part {
  place: string;
  /** How many orders it sends itself; 0 if they lie there already. */
  send: number;
  jobMs: number;
  /** Dies by SIGKILL when it comes to this step the nth time. */
  die?: { step: string; nth: number };
}

/** Runs the circle on a platform of its own. Says `open`, then `working` at its first commit, then `done`. */
async function act(module: string, part: Part): Promise<void> {
  const { harness } = (await import(module)) as { harness: PlatformHarness };
  let left = part.die?.nth ?? 0;
  let working = false;
  const platform = await harness.open(part.place, {
    onStep: (step) => {
      if (step === part.die?.step && --left === 0) process.kill(process.pid, 'SIGKILL');
      if (!working && step.endsWith('committed')) console.log('working');
      working ||= step.endsWith('committed');
    },
  });
  console.log('open');
  await runCircle(platform, { send: circleOrders(part.send), jobMs: part.jobMs });
  console.log('done');
  await platform.close();
}

await act(process.argv[2] as string, JSON.parse(process.argv[3] as string) as Part);

import { survivesDeaths } from './deaths.js';
import { dropsRepeats } from './distinct.js';
import { survivesFailures } from './failures.js';
import type { PlatformHarness } from './harness.js';
import { worksOnJobs } from './jobs.js';
import { keepsALog } from './log.js';
import { letsOthersRead } from './reading.js';
import { givesDeadLettersBack } from './replays.js';
import { foldsTasks } from './tasks.js';
import { tellsTheTime } from './time.js';

export type { PlatformHarness } from './harness.js';

/** What every platform promises. Call it inside a spec, with the adapter's harness. */
export function behavesLikeAPlatform(harness: PlatformHarness): void {
  describe(`a platform: ${harness.name}`, () => {
    keepsALog(harness);
    foldsTasks(harness);
    survivesFailures(harness);
    givesDeadLettersBack(harness);
    dropsRepeats(harness);
    tellsTheTime(harness);
    worksOnJobs(harness);
    letsOthersRead(harness);
    survivesDeaths(harness);
  });
}

import { Lifecycle, topics } from '@gyre/contracts';
import { EmbeddedPlatform } from '@gyre/platform';
import { SplitSettings } from './plan.js';
import { trainingJob } from './training.job.js';
import { TrainingPool } from './training-pool.js';
import { modelOf } from './training-set.fixture.js';
import { TrainingRowsReader } from './training-rows.js';

/** A process that trains what waits in a data directory and dies at a step: `node killed-run.fixture.js DIR STEP`. */
const [dir = '', step = ''] = process.argv.slice(2);
const die = (): void => void process.kill(process.pid, 'SIGKILL');
const platform = EmbeddedPlatform.open({
  dir,
  partitions: 1,
  tickEveryMs: null,
  onStep: (name) => {
    if (name === step) die();
  },
});
const pool = new TrainingPool({ threads: 1, heapMegabytes: 512, candidateSecondsMax: 60 });
const reader = new TrainingRowsReader({ threads: 1, memoryMegabytes: 128 });
const { artifacts } = platform;
const dying = {
  get: (sha: string) => artifacts.get(sha),
  // In the middle of a run: one candidate's file is stored, its manifest is not.
  put: (bytes: Uint8Array) =>
    step === 'stored' ? artifacts.put(bytes).then((sha) => (die(), sha)) : artifacts.put(bytes),
};
const model = modelOf(3, { trainers: ['linear', { kind: 'trees', rounds: 20 }] });
platform.work(
  trainingJob({ artifacts: dying, catalog: { model: () => model }, pool, reader, split: SplitSettings.parse({}) }),
);
await platform.settled();
for await (const { event } of platform.read(topics.lifecycle)) {
  if (Lifecycle.parse(event).type === 'TrainingFinished') process.stdout.write(`${JSON.stringify(event)}\n`);
}
await platform.close();
await pool.close();

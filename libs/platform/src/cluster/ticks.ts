import type { Core } from './core.js';
import type { Group } from './group.js';
import { Encoder } from './kafka/records.js';
import { TaskWorker } from './task-worker.js';

/** Tells the time. Live, each process tells its own partitions; in a replay, one process tells all, whoever owns them. */
export class Ticks {
  constructor(
    private readonly core: Core,
    private readonly groups: ReadonlyMap<string, Group>,
  ) {}

  async tell(time: number): Promise<void> {
    const { core } = this;
    if (time <= core.time) return;
    if (!core.live) core.time = Math.max(core.time, await core.store.time());
    if (time <= core.time) return;
    await core.store.tell(time);
    core.time = Math.max(core.time, time);
    const told: Promise<void>[] = [];
    for (const group of this.groups.values()) {
      for (const worker of group.workers.values()) if (worker instanceof TaskWorker) told.push(worker.timeTold());
    }
    if (!core.live) told.push(this.#tellOthers(time));
    await Promise.all(told);
  }

  /** For partitions that other processes own, or that nobody owns at the moment. */
  async #tellOthers(time: number): Promise<void> {
    const { core } = this;
    const encoder = new Encoder(core.now());
    for (const { _id: name, kind, inputs } of await core.store.groups()) {
      if (kind !== 'task') continue;
      const own = this.groups.get(name)?.workers;
      if (own?.size === core.partitions) continue;
      const others = Array.from({ length: core.partitions }, (_, partition) => partition).filter((p) => !own?.has(p));
      for (const partition of others) {
        const [first] = await core.store.states(name).wishes(partition, undefined, 1);
        if (first === undefined || first.wakeAt > time) continue;
        await core.sender.send(
          inputs.map((topic) => ({
            topic: core.topics.nameOf(topic),
            partition,
            message: encoder.encode({ topic, partition, key: '', data: '', tick: time }),
          })),
        );
      }
    }
  }
}

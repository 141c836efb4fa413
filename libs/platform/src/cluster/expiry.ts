import { retryTopicOf } from '../folding/log-record.js';
import type { Core } from './core.js';
import type { Group } from './group.js';

const DAY_MS = 86_400_000;

/** Deletes records that are older than their topic's retention and that all groups have read, of those at work and of those that were. @returns how many */
export async function expireRecords(core: Core, groups: ReadonlyMap<string, Group>, now: number): Promise<number> {
  const needed = await offsetsNeeded(core, groups);
  let expired = 0;
  for (const { name, retention } of core.known(await core.topics.list())) {
    if (retention === 'forever') continue;
    const young = await core.topics.offsetsAt(name, Math.max(0, now - retention.days * DAY_MS));
    const beginnings = (await core.reader.beginnings([name], core.partitions)).get(name) ?? [];
    const below: { partition: number; offset: number }[] = [];
    for (const [partition, beginning] of beginnings.entries()) {
      const offset = Math.min(young.get(partition) ?? beginning, needed.get(`${partition} ${name}`) ?? Infinity);
      if (offset <= beginning) continue;
      below.push({ partition, offset });
      expired += offset - beginning;
    }
    if (below.length > 0) await core.topics.cut(name, below);
  }
  return expired;
}

/** The least offset that a group still needs, by partition and topic. */
async function offsetsNeeded(core: Core, groups: ReadonlyMap<string, Group>): Promise<Map<string, number>> {
  const needed = new Map<string, number>();
  const need = (topic: string, partition: number, offset: number) => {
    const place = `${partition} ${topic}`;
    needed.set(place, Math.min(offset, needed.get(place) ?? Infinity));
  };
  const registered = await core.store.groups();
  for (const { _id: name } of registered) {
    for (const { partition, offsets } of await core.store.commits(name).standings()) {
      const worker = groups.get(name)?.workers.get(partition);
      for (const { topic, next } of offsets) need(topic, partition, worker?.offset(topic) ?? next);
    }
  }
  const alive = await core.topics.alive(registered.map(({ _id }) => `${core.settings.prefix}${_id}`));
  for (const { _id: name, inputs } of registered) {
    if (!groups.has(name) && !alive.has(`${core.settings.prefix}${name}`)) continue;
    const commits = await core.store.commits(name).standings();
    for (const topic of [...inputs, retryTopicOf(name)]) {
      for (let partition = 0; partition < core.partitions; partition++) {
        const worker = groups.get(name)?.workers.get(partition);
        const recorded = commits
          .find((each) => each.partition === partition)
          ?.offsets.find((each) => each.topic === topic)?.next;
        need(topic, partition, worker?.offset(topic) ?? recorded ?? 0);
      }
    }
  }
  return needed;
}

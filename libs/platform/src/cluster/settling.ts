import { GyreError } from '@gyre/contracts';
import { retryTopicOf } from '../folding/log-record.js';
import type { Lag } from '../platform.js';
import type { Core } from './core.js';
import type { FollowingRunner } from './following.js';
import type { Group } from './group.js';
import type { Standing } from './mongo/commits.js';

/** Between two looks where nothing has told of a change: another process may be at work. */
const LOOK_MS = 25;

type Ends = ReadonlyMap<string, readonly number[]>;
/** A group of this process, or of another. */
type Shown = Pick<Group, 'name' | 'topics' | 'batchMin'> & Partial<Pick<Group, 'workers'>>;

const NOBODY: Group['workers'] = new Map();

/** How far everybody is, here and in other processes. */
export class Settling {
  constructor(
    private readonly core: Core,
    private readonly groups: ReadonlyMap<string, Group>,
    private readonly followings: ReadonlySet<FollowingRunner<never>>,
    private readonly isClosed: () => boolean,
  ) {}

  /** Of all groups, those of other processes among them: of these what is recorded is told. @throws GyreError PLATFORM_UNAVAILABLE */
  async lag(): Promise<Lag[]> {
    const { core } = this;
    await this.#ready();
    const elsewhere = (await core.store.groups('promptly'))
      .filter(({ _id }) => !this.groups.has(_id))
      .map(({ _id, inputs, batchMin }) => ({ name: _id, topics: [...inputs, retryTopicOf(_id)], batchMin }));
    const all: readonly Shown[] = [...this.groups.values(), ...elsewhere];
    const topics = [...new Set(all.flatMap((group) => group.topics))];
    const ends = topics.length === 0 ? new Map<string, number[]>() : await core.reader.ends(topics, core.partitions);
    return (await Promise.all(all.map((group) => this.#lagOf(group, ends)))).flat();
  }

  async #lagOf({ name, topics, batchMin, workers = NOBODY }: Shown, ends: Ends): Promise<Lag[]> {
    const { core } = this;
    const recorded = workers.size === core.partitions ? [] : await core.store.commits(name).standings('promptly');
    const lags: Lag[] = [];
    for (const topic of topics) {
      for (let partition = 0; partition < core.partitions; partition++) {
        const end = ends.get(topic)?.[partition] ?? 0;
        if (topic === retryTopicOf(name) && end === 0) continue;
        const worker = workers.get(partition);
        const offset = worker?.offset(topic) ?? offsetOf(recorded, partition, topic);
        const left = worker?.lag(topic, end) ?? Math.max(0, end - offset);
        // Elsewhere, fewer than a batch may be waiting for company.
        const lag = worker === undefined && left < batchMin ? 0 : left;
        lags.push({ group: name, topic, partition, offset, lag });
      }
    }
    return lags;
  }

  async settled(): Promise<void> {
    const { core } = this;
    for (;;) {
      if (this.isClosed()) throw new GyreError('NOT_READY', 'the platform is closed');
      const { version } = core.activity;
      if ([...this.groups.values()].every((group) => group.idle) && (await this.#isSettled(version))) return;
      if (core.activity.version === version) await core.activity.next(LOOK_MS);
    }
  }

  /** @param version of what is at work: if that changes meanwhile, nothing is known */
  async #isSettled(version: number): Promise<boolean> {
    const { core } = this;
    await this.#ready();
    const registered = await this.#others();
    const topics = new Set([...this.groups.values()].flatMap((group) => group.topics));
    for (const following of this.followings) topics.add(following.topic.name);
    for (const group of registered) for (const topic of group.topics) topics.add(topic);
    if (topics.size === 0) return true;
    const ends = await core.reader.ends([...topics], core.partitions);
    for (const group of this.groups.values()) if (!(await this.#isAtEnd(group, ends))) return false;
    for (const following of this.followings) if (!following.isAt(ends.get(following.topic.name) ?? [])) return false;
    for (const group of registered) if (!(await this.#isRecordedAtEnd(group, ends, new Set()))) return false;
    return core.activity.version === version && [...this.groups.values()].every((group) => group.idle);
  }

  async #isAtEnd(group: Group, ends: Ends): Promise<boolean> {
    for (const topic of group.topics) {
      for (const [partition, worker] of group.workers)
        if (!worker.isAt(topic, ends.get(topic)?.[partition] ?? 0)) return false;
    }
    // What waits for company in another process cannot be told from what is left to do there: that process knows.
    if (group.workers.size === this.core.partitions || group.batchMin > 1) return true;
    return this.#isRecordedAtEnd(group, ends, new Set(group.workers.keys()));
  }

  /** Whether other processes have worked the group's partitions off. */
  async #isRecordedAtEnd(
    group: { name: string; topics: readonly string[] },
    ends: Ends,
    own: ReadonlySet<number>,
  ): Promise<boolean> {
    const commits = await this.core.store.commits(group.name).standings();
    return group.topics.every((topic) =>
      (ends.get(topic) ?? []).every(
        (end, partition) => own.has(partition) || offsetOf(commits, partition, topic) >= end,
      ),
    );
  }

  /** Groups that only other processes run. */
  async #others(): Promise<{ name: string; topics: string[] }[]> {
    const { core } = this;
    const registered = (await core.store.groups()).filter(
      ({ _id, batchMin }) => !this.groups.has(_id) && batchMin <= 1,
    );
    const nameOf = (group: string) => `${core.settings.prefix}${group}`;
    const alive = await core.topics.alive(registered.map(({ _id }) => nameOf(_id)));
    return registered
      .filter(({ _id }) => alive.has(nameOf(_id)))
      .map(({ _id, inputs }) => ({ name: _id, topics: [...inputs, retryTopicOf(_id)] }));
  }

  async #ready(): Promise<void> {
    const { core } = this;
    const names = [...this.groups.values()].flatMap((group) => group.topics);
    for (const following of this.followings) names.push(following.topic.name);
    await core.topics.ready(core.known([...new Set(names)]));
  }
}

function offsetOf(commits: readonly Standing[], partition: number, topic: string): number {
  const found = commits.find((each) => each.partition === partition);
  return found?.offsets.find((each) => each.topic === topic)?.next ?? 0;
}

import { topics, type Lifecycle, type LifecycleOf } from '@gyre/contracts';
import { publish, type Effects } from '@gyre/platform';
import { canaryOf, enthrone, servingOf, type Challenger, type Comparison, type ModelRecord } from './model-record.js';

type Said<T = Lifecycle> = T extends Lifecycle ? Omit<T, 'model' | 'occurredAt' | 'actor' | 'reason'> : never;

/** What is decided about one model at one moment: it changes the record, and says each step with its reason. */
export class Decisions {
  private readonly events: Lifecycle[] = [];

  constructor(
    private readonly record: ModelRecord,
    private readonly at: number,
  ) {}

  say(event: Said, reason: string, actor = 'registry'): void {
    const said = { ...event, model: this.record.spec.name, occurredAt: this.at, actor, reason } as Lifecycle;
    this.events.push(said);
  }

  promote(version: number, actor: string, why: string, by: Comparison | null): void {
    const { record } = this;
    const from = record.champion;
    const evidence = by?.evidence ?? null;
    const rollout = record.rollout?.name ?? null;
    this.closeCanary(version, why, evidence);
    enthrone(record, version, this.at);
    record.promotions += 1;
    this.say({ type: 'Promoted', version, from, rollout, evidence }, `version ${version} now serves: ${why}`, actor);
    this.end('promoted');
    const { bakePairs } = record.spec.rollout;
    if (from !== null && bakePairs > 0) this.start([this.rules(from, 'previous')], null);
    this.serve(`version ${version} was promoted`);
  }

  rollBack(actor: string, why: string, by: Comparison | null): void {
    const { record } = this;
    const [from, version] = [record.champion, record.previous];
    if (from === null || version === null) return;
    const evidence = by?.evidence ?? null;
    const rollout = record.rollout?.name ?? null;
    this.closeCanary(version, why, null);
    enthrone(record, version, this.at);
    record.previous = null; // what was taken back is no version to go back to
    record.rollbacks += 1;
    this.say(
      { type: 'RolledBack', version, from, rollout, evidence },
      `version ${from} is taken back, ${version} serves again: ${why}`,
      actor,
    );
    this.end('rolledBack');
    this.serve(`version ${from} was rolled back`);
  }

  /** A person has to say the last word. */
  hold({ challenger: version, rollout, evidence, reason }: Comparison): void {
    const how = `gyre promote ${this.record.spec.name} ${version} --reason TEXT`;
    this.say(
      { type: 'PromotionHeld', version, rollout, evidence },
      `version ${version} has proved itself and waits for approval (${how}): ${reason}`,
    );
  }

  /** What has proved itself in shadow answers a share of the requests; the evidence begins afresh, and other challengers wait beside it. */
  startCanary({ challenger: version, incumbent, evidence, reason }: Comparison): void {
    const { weight, pairs } = this.record.spec.rollout.canary as NonNullable<ModelRecord['spec']['rollout']['canary']>;
    const share = `${percent(weight)} of the requests`;
    this.say(
      { type: 'CanaryStarted', version, incumbent, weight, pairs, evidence },
      `version ${version} answers ${share} as canary, until ${pairs} pairs have labels: ${reason}`,
    );
    const others = (this.record.rollout?.challengers ?? []).filter((one) => one.version !== version);
    this.go([this.rules(version, 'canary'), ...others], `version ${version} answers ${share} as canary`);
  }

  /** It leaves the rollout. */
  endCanary(
    version: number,
    outcome: 'passed' | 'aborted',
    why: string,
    evidence: Comparison['evidence'] | null,
  ): void {
    const incumbent = this.record.champion as number;
    const words = outcome === 'passed' ? `canary ${version} is through` : `canary ${version} is stopped`;
    const after = `version ${incumbent} answers all requests again`;
    this.say(
      { type: 'CanaryEnded', version, incumbent, outcome, evidence },
      `${outcome === 'passed' ? words : `${words}, ${after}`}: ${why}`,
    );
    this.dismiss([version], words);
  }

  /** Another champion, whichever it is, ends a canary too. */
  private closeCanary(champion: number, why: string, evidence: Comparison['evidence'] | null): void {
    const { version } = canaryOf(this.record) ?? {};
    if (version === undefined) return;
    const incumbent = this.record.champion as number;
    const passed = version === champion;
    this.say(
      { type: 'CanaryEnded', version, incumbent, outcome: passed ? 'passed' : 'aborted', evidence },
      passed
        ? `canary ${version} is through: ${why}`
        : `canary ${version} is stopped, for ${champion} serves now: ${why}`,
    );
  }

  /** After the spec has given the canary another share. */
  reweigh(version: number): void {
    this.serve(`the spec gives canary ${version} ${percent(this.record.spec.rollout.canary?.weight ?? 0)}`);
  }

  /** New challengers go into shadow beside those that are still undecided, the newest first; what has proved itself and waits for a canary keeps its place. */
  challenge(fresh: readonly number[]): void {
    const { record } = this;
    const waits = new Set(record.undecided.map(({ challenger }) => challenger));
    const staying = record.rollout?.challengers ?? [];
    const baking = staying.filter(({ role }) => role !== 'challenger');
    const older = staying
      .filter(({ role }) => role === 'challenger')
      .sort((a, b) => Number(waits.has(b.version)) - Number(waits.has(a.version)));
    const challengers = [...fresh.map((version) => this.rules(version, 'challenger')), ...older].slice(
      0,
      record.spec.rollout.maxChallengers,
    );
    this.go(
      [...baking, ...challengers],
      `${fresh.length === 1 ? 'version' : 'versions'} ${fresh.join(' and ')} will be scored in shadow`,
    );
  }

  /** Decided challengers leave the rollout. */
  dismiss(versions: readonly number[], why: string): void {
    const left = (this.record.rollout?.challengers ?? []).filter(({ version }) => !versions.includes(version));
    this.go(left, why);
  }

  private go(challengers: Challenger[], why: string): void {
    const continued = this.record.rollout?.name ?? null;
    this.end(challengers.length > 0 ? 'continued' : 'decided');
    if (challengers.length > 0) this.start(challengers, continued);
    this.serve(why);
  }

  /** alpha is split over as many challengers as there may be, so that a newcomer takes nothing from a test under way. */
  private rules(version: number, role: Challenger['role']): Challenger {
    const { alpha, maxChallengers, notWorseBy, maxPairs, bakePairs, canary } = this.record.spec.rollout;
    const isPrevious = role === 'previous';
    if (role === 'canary')
      return { version, role, notWorseBy, rule: 'notWorse', alpha, pairsMax: canary?.pairs ?? maxPairs };
    return {
      version,
      role,
      notWorseBy,
      rule: this.record.lossConfirmed && !isPrevious ? 'notWorse' : 'better',
      alpha: isPrevious ? alpha : alpha / maxChallengers,
      pairsMax: isPrevious ? bakePairs : maxPairs,
    };
  }

  private start(challengers: Challenger[], continues: string | null): void {
    const { record } = this;
    const incumbent = record.champion as number;
    const rollout = `${record.spec.name}-rollout-${record.nextRollout++}`;
    record.rollout = { name: rollout, incumbent, challengers };
    const who = challengers.map(({ version, role, rule }) => {
      const parts = {
        previous: 'stands by to serve again',
        canary: 'answers a share as canary',
        challenger: `is scored in shadow and must ${rule === 'notWorse' ? 'not be worse' : 'be better'}`,
      };
      return `version ${version} ${parts[role]}`;
    });
    this.say(
      { type: 'RolloutStarted', rollout, continues, incumbent, challengers },
      `beside champion ${incumbent}: ${who.join('; ')}`,
    );
  }

  private end(outcome: LifecycleOf<'RolloutEnded'>['outcome']): void {
    const { rollout, champion } = this.record;
    if (rollout === null) return;
    this.record.rollout = null;
    const words = {
      promoted: `version ${champion} was promoted`,
      rolledBack: `version ${rollout.incumbent} was taken back`,
      decided: 'nothing is left to compare',
      continued: 'it goes on with other versions',
    };
    this.say(
      { type: 'RolloutEnded', rollout: rollout.name, outcome },
      `rollout ${rollout.name} ends: ${words[outcome]}`,
    );
  }

  /** After the spec has named other shares. */
  shareOut(): void {
    const { split = [] } = this.record.spec.rollout;
    const there = new Set(this.record.versions.map(({ version }) => version));
    const arms = split.map(
      ({ version, weight }) => `${version} ${percent(weight)}${there.has(version) ? '' : ' (not there yet)'}`,
    );
    this.serve(arms.length === 0 ? 'the spec names no split any more' : `the spec gives version ${arms.join(' and ')}`);
  }

  private serve(why: string): void {
    const serving = servingOf(this.record);
    const { champion, shadows, arms = [] } = serving;
    const does = [
      `serves ${champion?.version ?? 'the fallback'}`,
      ...arms.map(({ version, weight, role }) => {
        const who = role === 'canary' ? `canary ${version}` : `version ${version}`;
        return `gives ${who} ${percent(weight)} of the requests`;
      }),
      ...(shadows.length === 0 ? [] : [`scores ${shadows.map(({ version }) => version).join(', ')} in shadow`]),
    ];
    this.say({ type: 'ServingChanged', ...serving }, `the gateway ${listed(does)}: ${why}`);
  }

  /** To whoever commanded it: why it could not be followed. */
  refuse(command: LifecycleOf<'CommandRefused'>['command'], version: number | null, why: string, actor: string): void {
    this.say(
      { type: 'CommandRefused', command, version },
      `the ${NOUNS[command]} that ${actor} commanded is refused: ${why}`,
    );
  }

  effects(mustWeigh: boolean): Effects<ModelRecord> {
    return {
      state: this.record,
      ...(mustWeigh ? { wakeAt: 'nextTick' as const } : {}),
      publish: [publish(topics.lifecycle, ...this.events)],
    };
  }
}

const NOUNS = { promote: 'promotion', rollback: 'rollback' };

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}

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
    const how = `gyre promote ${this.record.spec.name} ${version}`;
    this.say({ type: 'PromotionHeld', version, rollout, evidence }, `${reason}; the spec asks for approval: ${how}`);
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
    const words =
      outcome === 'passed'
        ? `canary ${version} is through`
        : `canary ${version} is stopped, version ${incumbent} answers all requests again`;
    this.say({ type: 'CanaryEnded', version, incumbent, outcome, evidence }, `${words}: ${why}`);
    this.dismiss([version]);
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

  /** A canary that was not found worse becomes champion, or waits for a person. */
  pass(canary: Comparison): void {
    const { challenger: version, reason, evidence } = canary;
    if (this.record.spec.rollout.approval === 'manual') {
      this.hold(canary);
      return this.endCanary(version, 'passed', reason, evidence);
    }
    this.promote(version, 'registry', reason, canary);
  }

  /** After the spec has given the canary another share. */
  reweigh(version: number): void {
    this.serve(`the spec gives canary ${version} ${percent(this.record.spec.rollout.canary?.weight ?? 0)}`);
  }

  /** New challengers go into shadow beside those that are still undecided, the newest first. */
  challenge(fresh: readonly number[]): void {
    const { record } = this;
    const staying = record.rollout?.challengers ?? [];
    const baking = staying.filter(({ role }) => role !== 'challenger');
    const older = staying.filter(({ role }) => role === 'challenger');
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
  dismiss(versions: readonly number[]): void {
    const left = (this.record.rollout?.challengers ?? []).filter(({ version }) => !versions.includes(version));
    this.go(left, `version ${versions.join(' and ')} left the shadow`);
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
      ...{ version, role, notWorseBy },
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
    const who = challengers.map(({ version, role, rule }) =>
      role === 'previous'
        ? `${version}, ready to be taken back`
        : role === 'canary'
          ? `${version}, which answers a share as canary`
          : `${version}${rule === 'notWorse' ? ', which must not be worse' : ''}`,
    );
    this.say(
      { type: 'RolloutStarted', rollout, continues, incumbent, challengers },
      `beside champion ${incumbent} run in shadow: ${who.join('; ')}`,
    );
  }

  private end(outcome: LifecycleOf<'RolloutEnded'>['outcome']): void {
    const { rollout } = this.record;
    if (rollout === null) return;
    this.record.rollout = null;
    const words = {
      promoted: 'a challenger was promoted',
      rolledBack: 'the champion was taken back',
      decided: 'nothing is left to compare',
      continued: 'it goes on with other versions',
      stopped: 'it was stopped',
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
    const names = serving.shadows.map(({ version }) => version).join(', ');
    this.say(
      { type: 'ServingChanged', ...serving },
      `the gateway serves ${serving.champion?.version ?? 'the fallback'}${names === '' ? '' : ` and scores ${names} in shadow`}: ${why}`,
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

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}

import type { Cause, DriftKind, Lifecycle, LifecycleOf } from '@gyre/contracts';
import type { ErrorWords } from './error-words.js';
import type { At, Loss } from './findings.js';

type Incident = Pick<
  LifecycleOf<'IncidentOpened'>,
  'incident' | 'version' | 'kind' | 'severity' | 'pages' | 'causes' | 'loss' | 'openedAt' | 'at'
>;
type IncidentEvent = LifecycleOf<'IncidentOpened' | 'IncidentUpdated' | 'IncidentClosed'>;

/** A verdict as it bears on incidents. Without causes it says that what was found is over. */
export interface Sighting {
  kind: DriftKind;
  version: number;
  causes: Cause[];
  /** The mean error before and now, as labels have judged it, or else as it must be expected. */
  loss: Loss;
  at: At;
  /** The latest tick that was told when its rows were counted: those of the next one may know more of them. Null of labels, which the next tick decides on. */
  toldAt: number | null;
  /** It says more of what was found before, and opens nothing. */
  isLater?: true;
}

interface Open extends Incident {
  /** What of it is not over yet, with the causes that each watch has named. */
  found: { kind: DriftKind; causes: Cause[] }[];
  /** Labels at the newest finding. */
  labels: number;
}

export interface IncidentsState {
  count: number;
  open: Open[];
  pending: Sighting[];
  champion: number | null;
  /** Champions to be, each from the first tick after its time on. */
  successors: { version: number | null; from: number }[];
}

/** What explains most comes first: faulty values explain an error, an error is worse than inputs that moved. */
const PRECEDENCE: readonly DriftKind[] = ['quality', 'concept', 'covariate', 'prediction', 'fairness'];
const SEVERITIES = ['info', 'warning', 'critical'] as const;
const CAUSES_MAX = 5;

/**
 * Makes few incidents of many verdicts, for the version that serves.
 *
 * Verdicts wait for a tick, so that what was seen of the same rows comes together, and so that a replay decides the same however its records were cut into
 * batches. What is found within two windows of an open incident's newest finding belongs to it; only unfairness is a matter of its own. An incident is
 * closed when all that was found is over, or another version serves.
 */
export class Incidents {
  private count = 0;
  private open: Open[] = [];
  private pending: Sighting[] = [];
  private champion: number | null = null;
  private successors: IncidentsState['successors'] = [];

  constructor(
    private readonly model: string,
    private readonly windowOutcomes: number,
    private readonly words: ErrorWords,
  ) {}

  /** Whether the next tick is to be told to it. */
  get waits(): boolean {
    return this.pending.length > 0 || this.successors.length > 0;
  }

  see(sighting: Sighting): void {
    const isNews =
      sighting.causes.length > 0 ||
      [
        ...this.pending,
        ...this.open.flatMap(({ found, version }) => found.map(({ kind }) => ({ kind, version }))),
      ].some(({ kind, version }) => kind === sighting.kind && version === sighting.version);
    if (isNews) this.pending.push(sighting);
  }

  /** @param from event time of the change */
  serves(version: number | null, from: number): void {
    this.successors.push({ version, from });
  }

  decide(now: number): Lifecycle[] {
    const events: IncidentEvent[] = [];
    this.succeed(now, events);
    const ready = this.pending.filter(({ toldAt }) => toldAt === null || toldAt < now);
    this.pending = this.pending.filter((sighting) => !ready.includes(sighting));
    const here = ready.filter(({ version }) => version === this.champion);
    const touched = new Map<Open, 'opened' | 'updated'>();
    for (const sighting of byPrecedence(here)) {
      if (sighting.causes.length === 0) this.over(sighting);
      else this.take(sighting, now, touched);
    }
    for (const [incident, how] of touched) {
      const type = how === 'opened' ? 'IncidentOpened' : 'IncidentUpdated';
      const { found: _, labels: __, ...told } = incident;
      events.push({ ...this.base(now, reasonOf(incident, this.words)), type, ...told });
    }
    for (const incident of this.open.filter(({ found }) => found.length === 0))
      events.push(this.closed(incident, now, 'recovered', `it is over: nothing of it was found any more`));
    this.open = this.open.filter(({ found }) => found.length > 0);
    return events;
  }

  private succeed(now: number, events: IncidentEvent[]): void {
    for (const { version } of this.successors.filter(({ from }) => from < now)) this.champion = version;
    this.successors = this.successors.filter(({ from }) => from >= now);
    for (const incident of this.open.filter(({ version }) => version !== this.champion)) {
      const why = this.champion === null ? 'it serves no more' : `version ${this.champion} has taken its place`;
      events.push(this.closed(incident, now, 'replaced', `version ${incident.version} is out of it: ${why}`));
    }
    this.open = this.open.filter(({ version }) => version === this.champion);
  }

  private take(sighting: Sighting, now: number, touched: Map<Open, 'opened' | 'updated'>): void {
    const { kind, version, causes, at, loss, isLater } = sighting;
    const incident =
      this.open.find(({ found }) => found.some((one) => one.kind === kind)) ??
      this.open.find((one) => isTogether(one.kind, kind) && at.labels - one.labels <= 2 * this.windowOutcomes);
    if (isLater && !incident?.found.some((one) => one.kind === kind)) return;
    if (incident === undefined) {
      this.count += 1;
      const opened: Open = {
        incident: `${this.model}-incident-${this.count}`,
        version,
        kind,
        severity: 'info',
        pages: false,
        causes: [],
        loss,
        openedAt: now,
        at,
        found: [{ kind, causes }],
        labels: at.labels,
      };
      this.open.push(opened);
      judge(opened, this.words);
      touched.set(opened, 'opened');
      return;
    }
    const before = { ...incident };
    incident.found = [...incident.found.filter((one) => one.kind !== kind), { kind, causes }];
    if (!isLater) incident.labels = Math.max(incident.labels, at.labels);
    incident.loss = worseLoss(incident.loss, loss);
    judge(incident, this.words);
    if (touched.has(incident) || !isWorse(before, incident)) return;
    incident.at = at;
    touched.set(incident, 'updated');
  }

  private over({ kind, version }: Sighting): void {
    for (const incident of this.open)
      if (incident.version === version) incident.found = incident.found.filter((one) => one.kind !== kind);
  }

  private closed(incident: Open, now: number, outcome: 'recovered' | 'replaced', reason: string): IncidentEvent {
    const { found: _, labels: __, ...told } = incident;
    return { ...this.base(now, reason), type: 'IncidentClosed', ...told, outcome };
  }

  private base(occurredAt: number, reason: string) {
    return { model: this.model, occurredAt, actor: 'drift-monitor', reason };
  }

  state(): IncidentsState {
    const { count, open, pending, champion, successors } = this;
    return {
      count,
      open: open.map((one) => ({ ...one })),
      pending: [...pending],
      champion,
      successors: [...successors],
    };
  }

  restore({ count, open, pending, champion, successors }: IncidentsState): void {
    Object.assign(this, { count, pending: [...pending], champion, successors: [...successors] });
    this.open = open.map((one) => ({ ...one }));
  }
}

/** The name of an incident, its severity and its causes, from all that was found. */
function judge(incident: Open, words: ErrorWords): void {
  const found = byPrecedence(incident.found);
  const kind = found[0]?.kind ?? incident.kind;
  const hasLoss = found.some((one) => one.kind === 'concept') || isExpectedLoss(incident.loss, words);
  // An incident keeps the worst that it was.
  incident.kind = PRECEDENCE[Math.min(PRECEDENCE.indexOf(kind), PRECEDENCE.indexOf(incident.kind))]!;
  incident.severity = worse(incident.severity, severityOf(kind, hasLoss, incident.loss, words));
  incident.pages ||= hasLoss || kind === 'quality' || kind === 'fairness';
  // What is named by several watches counts once; the error itself is no cause where anything else is named.
  const causes = new Map<string, Cause>();
  for (const one of found.flatMap(({ causes }) => causes)) {
    const key = one.kind === 'feature' ? one.name : `${one.kind} ${one.name}`;
    if (one.kind !== 'error' && !causes.has(key)) causes.set(key, one);
  }
  const errors = found.flatMap(({ causes }) => causes.filter((one) => one.kind === 'error'));
  incident.causes = [...[...causes.values()].slice(0, CAUSES_MAX - 1), ...errors.slice(0, 1)];
}

function severityOf(kind: DriftKind, hasLoss: boolean, loss: Loss, words: ErrorWords): Incident['severity'] {
  if (!hasLoss) return kind === 'quality' || kind === 'fairness' ? 'warning' : 'info';
  if (loss === null) return 'warning';
  return words.isLarge(loss.before, loss.after) ? 'critical' : 'warning';
}

/** Where labels are not there to judge, a large loss that must be expected is one. */
function isExpectedLoss(loss: Loss, words: ErrorWords): boolean {
  return loss?.by === 'estimated' && words.isLarge(loss.before, loss.after);
}

/** Groups that are treated differently are so whatever the inputs and the error do. */
function isTogether(a: DriftKind, b: DriftKind): boolean {
  return (a === 'fairness') === (b === 'fairness');
}

function worse(a: Incident['severity'], b: Incident['severity']): Incident['severity'] {
  return SEVERITIES[Math.max(SEVERITIES.indexOf(a), SEVERITIES.indexOf(b))]!;
}

/** What was measured counts before what was only expected. */
function worseLoss(known: Loss, found: Loss): Loss {
  if (known === null || found === null) return known ?? found;
  if (known.by !== found.by) return known.by === 'measured' ? known : found;
  return found.after > known.after ? found : known;
}

function isWorse(before: Incident, after: Incident): boolean {
  return (
    before.kind !== after.kind ||
    before.severity !== after.severity ||
    before.pages !== after.pages ||
    before.causes[0]?.name !== after.causes[0]?.name
  );
}

function byPrecedence<T extends { kind: DriftKind }>(all: readonly T[]): T[] {
  return [...all].sort((a, b) => PRECEDENCE.indexOf(a.kind) - PRECEDENCE.indexOf(b.kind));
}

const NAMES: Record<DriftKind, string> = {
  quality: 'data quality, not drift',
  concept: 'concept drift: what the model learned is no longer so',
  covariate: 'the inputs moved',
  prediction: 'the answers moved',
  fairness: 'groups are treated differently',
};

function reasonOf({ kind, causes, loss, pages }: Incident, words: ErrorWords): string {
  const told = causes.map((cause) => cause.words);
  // A risen error among the causes says it already.
  if (kind !== 'fairness' && !causes.some((cause) => cause.kind === 'error')) told.push(costOf(loss, pages, words));
  return `${NAMES[kind]}: ${told.join('; ')}`;
}

function costOf(loss: Loss, pages: boolean, { error, level, change }: ErrorWords): string {
  if (loss === null) return 'no labels have judged it yet';
  if (loss.by === 'estimated')
    return `no labels have judged it yet; by how right such answers were, the ${error} goes ${change(loss.before, loss.after)}`;
  const [before, after] = [level(loss.before), level(loss.after)];
  return pages
    ? `the ${error} was ${before} before and is ${after} now`
    : `the ${error} did not rise (${before} before, ${after} now), so nobody is woken`;
}

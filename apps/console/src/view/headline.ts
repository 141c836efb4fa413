import type { ModelStatus, Performance, TimelineEntry, VersionInfo } from '@gyre/contracts';
import { answersBy } from './answers.js';
import { labelAt, meanOf } from './bands.js';
import { promoteCommand } from './commands.js';
import { count, counted, moment } from './figures.js';
import { incidentsOf, type IncidentView } from './incidents.js';
import { sentenceOf, type Tone } from './sentences.js';

/** The first thing that is said about a model: what serves, whether it is still right, and since when and why. */
export interface Headline {
  tone: Tone;
  serves: string;
  /** Null while what it rests on has not been read. */
  verdict: string | null;
  because: string;
  /** What a person is asked to run, to be copied as it stands; null where nobody is asked. */
  command: string | null;
}

/** The metric that people look at first, of the champion's own answers: in the newest window that has any, and since it took over. The fallback has no tenure. */
export interface Standing {
  newest: number | null;
  newestLabels: number;
  tenure: number | null;
  tenureLabels: number;
}

interface Known {
  status: ModelStatus;
  /** Newest first; null while they have not been read. */
  entries: readonly TimelineEntry[] | null;
  versions: readonly VersionInfo[];
  /** Null likewise. */
  performance: Performance | null;
  bootstrapLabels: number | null;
}

type Judgement = Pick<Headline, 'tone' | 'verdict' | 'because'>;

/** It passes no judgement of its own: it says what the decisions on record say, and so never otherwise than the incidents below it. */
export function headlineOf({ status, entries, versions, performance, bootstrapLabels }: Known): Headline {
  if (entries === null || performance === null) {
    const serves = status.champion === null ? 'The fallback answers' : `Version ${status.champion} serves`;
    return { tone: 'quiet', serves, verdict: null, because: 'Reading …', command: null };
  }
  const { labels, windows } = performance;
  if (status.champion === null) {
    const wanted = bootstrapLabels === null ? '' : ` of ${count(bootstrapLabels)}`;
    const because = `${count(labels)}${wanted} labels are here; the first version is trained when there are enough.`;
    return { tone: 'quiet', serves: 'The fallback answers', verdict: 'no version yet', because, command: null };
  }
  const since = servingSince(status.champion, entries, versions);
  const tenure = since === null ? labels : Math.max(0, labels - labelAt(windows, since));
  const arrival = arrivalOf(status.champion, entries);
  const tenureEntries = entries.filter(({ offset }) => offset > (arrival?.offset ?? -1));
  const judged = judgementOf(status, tenureEntries, arrivalText(arrival, since), tenure);
  const serves = `Version ${status.champion} serves`;
  const held = heldIn(tenureEntries);
  if (held === null) return { serves, ...judged, command: null };
  const isWell = judged.tone === 'good';
  return {
    tone: isWell ? 'warn' : judged.tone,
    serves,
    verdict: isWell ? `version ${held} waits for approval` : judged.verdict,
    because: `${isWell ? '' : `${judged.because} `}Version ${held} has proved itself and waits for a person to promote it:`,
    command: promoteCommand(status.model, held),
  };
}

/** @param entries of the champion's tenure, newest first */
function judgementOf(
  status: ModelStatus,
  entries: readonly TimelineEntry[],
  arrived: string,
  tenure: number,
): Judgement {
  const incidents = incidentsOf(entries).filter(({ version }) => version === status.champion);
  const open = incidents.filter(({ isOpen }) => isOpen);
  const paging = open.filter(({ pages }) => pages);
  const worst = paging.find(({ tone }) => tone === 'bad') ?? paging[0];
  if (worst !== undefined) return gravely(worst, open.length - 1, trialOf(status), arrived);
  const [doubt, ...more] = open.length > 0 ? [] : unsettledDoubts(status.champion, entries, incidents);
  if (doubt !== undefined) {
    const again = more.length === 0 ? '' : ` (and ${counted(more.length, 'earlier sign')})`;
    const seen = `${sentenceOf(doubt.event).text} on ${moment(doubt.occurredAt)}${again}.`;
    const trial = trialOf(status);
    return trial === null
      ? { tone: 'bad', verdict: 'no longer as right', because: `${seen} ${arrived}` }
      : { tone: 'warn', verdict: 'in doubt, challenged', because: `${seen} ${trial}` };
  }
  const [harmless] = open;
  const verdict = tenure === 0 ? 'newly in place' : 'still right';
  return { tone: 'good', verdict, because: `${arrived} ${calmly(harmless, incidents, tenure)}` };
}

/** What is wrong, since when, and what is done about it. */
function gravely(incident: IncidentView, others: number, trial: string | null, arrived: string): Judgement {
  const { kind, name, tone, openedAt, causes } = incident;
  const why = causes[0] === undefined ? '' : `: ${causes[0]}`;
  const besides = others === 0 ? '' : ` ${counted(others, 'further incident is', 'further incidents are')} open.`;
  const because = `${capitalised(name)} since ${moment(openedAt)}${why}.${besides} ${trial ?? arrived}`;
  // A better version is no remedy for what another version would be fed just the same.
  if (kind === 'quality') return { tone, verdict: 'fed faulty data', because };
  if (kind === 'fairness') return { tone, verdict: 'but treats groups differently', because };
  return { tone, verdict: trial === null ? 'no longer as right' : 'in doubt, challenged', because };
}

function calmly(harmless: IncidentView | undefined, incidents: readonly IncidentView[], tenure: number): string {
  if (harmless !== undefined)
    return `${capitalised(harmless.name)} since ${moment(harmless.openedAt)}, at no loss that is known.`;
  const [last] = incidents.filter(({ pages }) => pages);
  if (last?.closedAt !== null && last?.closedAt !== undefined)
    return `Its last incident (${last.name}) was over on ${moment(last.closedAt)}.`;
  return tenure === 0 ? 'No label has reached it yet.' : `No drift in the ${counted(tenure, 'label')} since.`;
}

function trialOf({ phase, challengers }: ModelStatus): string | null {
  if (phase !== 'shadow' && phase !== 'canary') return null;
  if (phase === 'shadow') return `${counted(challengers.length, 'challenger')} on trial.`;
  const beside = challengers.length === 0 ? '' : `, with ${counted(challengers.length, 'further challenger')} on trial`;
  return `A canary answers a share of the requests${beside}.`;
}

export function standingOf(status: ModelStatus, performance: Performance, since: number | null): Standing {
  const { windows, metric } = performance;
  const own = answersBy(windows, status.champion).filter(({ to }) => since === null || to > since);
  const tenure = status.champion === null ? [] : own;
  const newest = own.at(-1);
  return {
    newest: newest?.metrics[metric] ?? null,
    newestLabels: newest?.labels ?? 0,
    tenure: meanOf(tenure, metric),
    tenureLabels: tenure.reduce((sum, { labels }) => sum + labels, 0),
  };
}

/** Event time at which the champion took over, as the versions or else the decisions tell it. */
export function servingSince(
  champion: number | null,
  entries: readonly TimelineEntry[],
  versions: readonly VersionInfo[],
): number | null {
  const served = versions.find(({ version }) => version === champion)?.served.find(({ until }) => until === null);
  if (served !== undefined) return served.from;
  return (champion === null ? undefined : arrivalOf(champion, entries))?.occurredAt ?? null;
}

function arrivalOf(champion: number, entries: readonly TimelineEntry[]): TimelineEntry | undefined {
  return entries.find(
    ({ event }) => (event.type === 'Promoted' || event.type === 'RolledBack') && event.version === champion,
  );
}

/** Findings that no incident speaks of yet, and that the end of none has settled. */
function unsettledDoubts(
  champion: number | null,
  entries: readonly TimelineEntry[],
  incidents: readonly IncidentView[],
): TimelineEntry[] {
  const settled = Math.max(-1, ...incidents.filter(({ kind }) => kind !== 'fairness').map(({ offset }) => offset));
  return entries.filter(({ event, offset }) => {
    if (offset <= settled) return false;
    const doubtful =
      event.type === 'PerformanceDropped' || (event.type === 'DriftDetected' && event.kind === 'concept');
    return doubtful && (event.version === null || event.version === champion);
  });
}

/** A version whose promotion waits for a person. It has left the rollout by then, and waits until another champion serves. */
function heldIn(entries: readonly TimelineEntry[]): number | null {
  const held = entries.find(({ event }) => event.type === 'PromotionHeld')?.event;
  return held?.type === 'PromotionHeld' ? held.version : null;
}

function capitalised(text: string): string {
  return text.replace(/^./, (letter) => letter.toUpperCase());
}

function arrivalText(arrival: TimelineEntry | undefined, since: number | null): string {
  const when = since === null ? '' : ` on ${moment(since)}`;
  if (arrival?.event.type === 'RolledBack')
    return `Put back${when} after version ${arrival.event.from} was rolled back.`;
  if (arrival?.event.type === 'Promoted' && arrival.event.from !== null)
    return `Promoted${when} over version ${arrival.event.from}.`;
  return `In place${since === null ? '' : ` since ${moment(since)}`}.`;
}

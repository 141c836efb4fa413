import type { ModelStatus, Performance, TimelineEntry, VersionInfo } from '@gyre/contracts';
import { labelAt, meanOf } from './bands.js';
import { count, counted, moment } from './figures.js';
import { sentenceOf, type Tone } from './sentences.js';

/** The first thing that is said about a model: what serves, whether it is still right, and since when and why. */
export interface Headline {
  tone: Tone;
  serves: string;
  verdict: string;
  because: string;
}

/** The metric that people look at first: newest window, since the champion took over, and over all that is shown. */
export interface Standing {
  newest: number | null;
  newestLabels: number;
  tenure: number | null;
  tenureLabels: number;
  whole: number | null;
}

interface Known {
  status: ModelStatus;
  /** Newest first. */
  entries: readonly TimelineEntry[];
  versions: readonly VersionInfo[];
  performance: Performance | null;
  bootstrapLabels: number | null;
}

/**
 * It passes no judgement of its own: a version is said to be right as long as neither its error has drifted nor its performance
 * dropped since it took over, by the decisions on record.
 */
export function headlineOf({ status, entries, versions, performance, bootstrapLabels }: Known): Headline {
  const labels = performance?.labels ?? 0;
  if (status.champion === null) {
    const wanted = bootstrapLabels === null ? '' : ` of ${count(bootstrapLabels)}`;
    const because = `${count(labels)}${wanted} labels are here; the first version is trained when there are enough.`;
    return { tone: 'quiet', serves: 'The fallback answers', verdict: 'no version yet', because };
  }
  const since = servingSince(status.champion, entries, versions);
  const tenure = since === null ? labels : Math.max(0, labels - labelAt(performance?.windows ?? [], since));
  const arrival = entries.find(
    ({ event }) => (event.type === 'Promoted' || event.type === 'RolledBack') && event.version === status.champion,
  );
  const serves = `Version ${status.champion} serves`;
  const held = heldSince(entries, arrival?.offset ?? -1, status.challengers);
  if (held !== null) {
    const because = `Version ${held} is proved better and waits for a person's word: gyre promote ${status.model} ${held}.`;
    return { tone: 'warn', serves, verdict: 'a better one waits', because };
  }
  const [doubt, ...more] = doubtsSince(status.champion, entries, arrival?.offset ?? -1);
  const arrived = arrivalText(arrival, since);
  if (doubt === undefined) {
    const quiet = tenure === 0 ? 'No label has reached it yet.' : `No drift in the ${counted(tenure, 'label')} since.`;
    return {
      tone: 'good',
      serves,
      verdict: tenure === 0 ? 'newly in place' : 'still right',
      because: `${arrived} ${quiet}`,
    };
  }
  const again = more.length === 0 ? '' : ` (and ${counted(more.length, 'earlier sign')})`;
  const seen = `${sentenceOf(doubt.event).text} on ${moment(doubt.occurredAt)}${again}.`;
  if (status.phase === 'shadow') {
    const trial = `${counted(status.challengers.length, 'challenger')} on trial.`;
    return { tone: 'warn', serves, verdict: 'in doubt, challenged', because: `${seen} ${trial}` };
  }
  return { tone: 'bad', serves, verdict: 'no longer as right', because: `${seen} ${arrived}` };
}

export function standingOf(status: ModelStatus, performance: Performance, since: number | null): Standing {
  const { windows, metric } = performance;
  const own = windows.filter(
    (window) => status.champion !== null && window.version === status.champion && (since === null || window.to > since),
  );
  const newest = windows.at(-1);
  return {
    newest: newest?.metrics[metric] ?? null,
    newestLabels: newest === undefined ? 0 : newest.toLabel - newest.fromLabel,
    tenure: meanOf(own, metric),
    tenureLabels: own.reduce((sum, window) => sum + window.toLabel - window.fromLabel, 0),
    whole: meanOf(windows, metric),
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
  const arrival = entries.find(
    ({ event }) => (event.type === 'Promoted' || event.type === 'RolledBack') && event.version === champion,
  );
  return arrival?.occurredAt ?? null;
}

function doubtsSince(champion: number, entries: readonly TimelineEntry[], offset: number): TimelineEntry[] {
  return entries.filter(({ event, offset: at }) => {
    if (at <= offset) return false;
    const doubtful =
      event.type === 'PerformanceDropped' || (event.type === 'DriftDetected' && event.kind === 'concept');
    return doubtful && (event.version === null || event.version === champion);
  });
}

/** A version whose promotion waits for a person, if it still may be promoted. */
function heldSince(entries: readonly TimelineEntry[], offset: number, challengers: readonly number[]): number | null {
  const held = entries.find((entry) => entry.offset > offset && entry.event.type === 'PromotionHeld')?.event;
  return held?.type === 'PromotionHeld' && challengers.includes(held.version) ? held.version : null;
}

function arrivalText(arrival: TimelineEntry | undefined, since: number | null): string {
  const when = since === null ? '' : ` on ${moment(since)}`;
  if (arrival?.event.type === 'RolledBack')
    return `Put back${when} after version ${arrival.event.from} was rolled back.`;
  if (arrival?.event.type === 'Promoted' && arrival.event.from !== null)
    return `Promoted${when} over version ${arrival.event.from}.`;
  return `In place${since === null ? '' : ` since ${moment(since)}`}.`;
}

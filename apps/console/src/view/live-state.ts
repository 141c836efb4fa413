import type {
  DeadLetterEntry,
  LabelCounts,
  ModelStatus,
  Performance,
  SpecsInForce,
  StreamedLifecycle,
  TimelineEntry,
  VersionInfo,
} from '@gyre/contracts';
import { mergedEntries } from './timeline.js';

/** What the console knows of one model; null has not been read yet. */
export interface ModelView {
  performance: Performance | null;
  labels: LabelCounts | null;
  versions: VersionInfo[] | null;
  /** The decisions that the chart may mark, newest first, as they were last read: what came since is in `entries`. */
  marked: TimelineEntry[] | null;
  /** Newest first. */
  entries: TimelineEntry[] | null;
  /** Whether `entries` reaches back to the first decision. */
  complete: boolean;
  /** The newest decision known when a connection opened again: what came between it and the stream is still to be read. Null when nothing is missing. */
  unbrokenTo: number | null;
}

export type Connection = 'connecting' | 'live' | 'lost';

/** `models`, `specs`, `deadletters`, or a part of one model such as `performance:churn`. */
export type Resource =
  'models' | 'specs' | 'deadletters' | `${'performance' | 'labels' | 'versions' | 'marked' | 'timeline'}:${string}`;

export interface LiveState {
  connection: Connection;
  models: ModelStatus[] | null;
  specs: SpecsInForce | null;
  deadLetters: DeadLetterEntry[] | null;
  byModel: Readonly<Record<string, ModelView>>;
  /** What must be read anew before it is shown as current; whoever reads it takes it out. */
  stale: ReadonlySet<Resource>;
  /** Why the last reading failed; null after one that did not. */
  failure: string | null;
}

export type Message =
  | { type: 'opened' }
  | { type: 'lost' }
  | { type: 'wanted'; resources: readonly Resource[] }
  | { type: 'lifecycle'; entry: StreamedLifecycle }
  | { type: 'performance'; model: string }
  | { type: 'reading'; resources: readonly Resource[] }
  | { type: 'failed'; resource: Resource; reason: string }
  | { type: 'models'; models: ModelStatus[] }
  | { type: 'specs'; specs: SpecsInForce }
  | { type: 'deadletters'; entries: DeadLetterEntry[] }
  | { type: 'model'; model: string; part: Partial<ModelView> }
  | { type: 'entries'; model: string; entries: TimelineEntry[]; complete: boolean }
  | { type: 'older'; model: string; before: number; entries: TimelineEntry[]; complete: boolean };

export const EMPTY_MODEL: ModelView = {
  performance: null,
  labels: null,
  versions: null,
  marked: null,
  entries: null,
  complete: false,
  unbrokenTo: null,
};

export const START: LiveState = {
  connection: 'connecting',
  models: null,
  specs: null,
  deadLetters: null,
  byModel: {},
  stale: new Set(['models', 'specs', 'deadletters']),
  failure: null,
};

/** Decisions that change what the versions' table says. */
const VERSIONS_MOVE = new Set(['VersionRegistered', 'Promoted', 'RolledBack', 'ServingChanged', 'RolloutEnded']);

/**
 * What the console knows after a message of the stream or an answer of the interface.
 *
 * A decision comes with all that the timeline needs and is put in place at once; numbers are only marked stale, and are read when
 * they are wanted and no more often than the reader likes. A connection that opens again may have missed anything: all is stale.
 */
export function reduce(state: LiveState, message: Message): LiveState {
  switch (message.type) {
    case 'opened':
      return {
        ...state,
        connection: 'live',
        byModel: Object.fromEntries(
          Object.entries(state.byModel).map(([model, view]) => [
            model,
            { ...view, unbrokenTo: view.unbrokenTo ?? view.entries?.[0]?.offset ?? null },
          ]),
        ),
        stale: new Set<Resource>([
          ...state.stale,
          'models',
          'specs',
          'deadletters',
          ...Object.keys(state.byModel).flatMap((model) => partsOf(model)),
        ]),
      };
    case 'lost':
      return { ...state, connection: 'lost' };
    case 'wanted': {
      const unknown = message.resources.filter((resource) => !known(state, resource) && !state.stale.has(resource));
      return unknown.length === 0 ? state : { ...state, stale: new Set([...state.stale, ...unknown]) };
    }
    case 'lifecycle':
      return withDecision(state, message.entry);
    case 'performance':
      return {
        ...state,
        stale: new Set<Resource>([
          ...state.stale,
          `performance:${message.model}`,
          `labels:${message.model}`,
          'deadletters',
        ]),
      };
    case 'reading': {
      const stale = new Set(state.stale);
      for (const resource of message.resources) stale.delete(resource);
      return { ...state, stale };
    }
    case 'failed':
      return { ...state, stale: new Set([...state.stale, message.resource]), failure: message.reason };
    case 'models':
      return { ...state, models: message.models, failure: null };
    case 'specs':
      return { ...state, specs: message.specs, failure: null };
    case 'deadletters':
      return { ...state, deadLetters: message.entries, failure: null };
    case 'model':
      return { ...withModel(state, message.model, message.part), failure: null };
    case 'entries':
      return { ...withModel(state, message.model, withNewest(state.byModel[message.model], message)), failure: null };
    case 'older': {
      const before = state.byModel[message.model];
      // The list ends elsewhere by now: what was read would not join it.
      if (before?.entries?.at(-1)?.offset !== message.before) return state;
      const entries = mergedEntries(before.entries, message.entries);
      return { ...withModel(state, message.model, { entries, complete: message.complete }), failure: null };
    }
  }
}

/** The newest decision from which on a reading has to go back no further; null where all of it is to be read. */
export function knownTo(view: ModelView | undefined): number | null {
  return view?.unbrokenTo ?? view?.entries?.[0]?.offset ?? null;
}

/** The newest decisions as they were read, without a hole: older ones that they do not reach are forgotten, and read when they are asked for. */
function withNewest(
  before: ModelView = EMPTY_MODEL,
  { entries, complete }: Extract<Message, { type: 'entries' }>,
): Partial<ModelView> {
  const known = before.entries ?? [];
  const oldest = entries.at(-1)?.offset;
  const reaches = before.unbrokenTo === null || complete || (oldest !== undefined && oldest <= before.unbrokenTo);
  const kept = reaches ? known : known.filter(({ offset }) => oldest !== undefined && offset >= oldest);
  return {
    entries: mergedEntries(kept, entries),
    complete: complete || (reaches && before.complete),
    unbrokenTo: null,
  };
}

export function partsOf(model: string): Resource[] {
  return [`performance:${model}`, `labels:${model}`, `versions:${model}`, `marked:${model}`, `timeline:${model}`];
}

function withDecision(state: LiveState, { model, ...entry }: StreamedLifecycle): LiveState {
  const stale = new Set(state.stale).add('models');
  if (entry.type === 'ModelApplied' || entry.type === 'ViewApplied') stale.add('specs');
  if (VERSIONS_MOVE.has(entry.type)) stale.add(`versions:${model}`);
  const entries = state.byModel[model]?.entries;
  // Before the first page has been read, one decision alone would look like the whole timeline.
  if (entries === null || entries === undefined) return { ...state, stale };
  return { ...withModel(state, model, { entries: mergedEntries(entries, [entry]) }), stale };
}

function withModel(state: LiveState, model: string, part: Partial<ModelView>): LiveState {
  const before = state.byModel[model] ?? EMPTY_MODEL;
  return { ...state, byModel: { ...state.byModel, [model]: { ...before, ...part } } };
}

function known(state: LiveState, resource: Resource): boolean {
  const [part, model] = resource.split(/:(.*)/s) as [string, string | undefined];
  if (part === 'models') return state.models !== null;
  if (part === 'specs') return state.specs !== null;
  if (part === 'deadletters') return state.deadLetters !== null;
  const view = state.byModel[model ?? ''] ?? EMPTY_MODEL;
  return view[(part === 'timeline' ? 'entries' : part) as keyof ModelView] !== null;
}

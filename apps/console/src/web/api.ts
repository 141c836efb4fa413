import type {
  DeadLetterEntry,
  LabelCounts,
  ModelStatus,
  Performance,
  Session,
  SpecsInForce,
  TimelineEntry,
  VersionInfo,
} from '@gyre/contracts';
import { MARKED_TYPES } from '../view/marks.js';

const PAGE = 500;
const PAGE_MAX = 10_000;

async function read<T>(path: string, signal: AbortSignal): Promise<T> {
  const response = await fetch(path, { headers: { accept: 'application/json' }, signal }).catch(() => {
    // A browser's own words ("Failed to fetch", "signal timed out") tell nobody what to do.
    throw new Error(`${path} was not answered; is \`gyre up\` running, and not overloaded?`);
  });
  if (response.ok) return (await response.json()) as T;
  // The session is over, or was ended elsewhere.
  if (response.status === 401) location.assign(signInPath());
  const body = (await response.json().catch(() => null)) as { error?: { code?: string; message?: string } } | null;
  throw new Error(body?.error?.message ?? `${path} answered ${response.status}`);
}

const of = (model: string, part = ''): string => `/v1/models/${encodeURIComponent(model)}${part}`;

/** Where to sign in, and come back here from. */
export const signInPath = (): string => `/sign-in?to=${encodeURIComponent(location.pathname + location.search)}`;

/** Reads of the HTTP interface; each throws an Error whose message a person can act on. */
export const api = {
  session: (signal: AbortSignal) => read<Session>('/v1/session', signal),
  /** Ends the session, and leaves. */
  async signOut(): Promise<void> {
    await fetch('/v1/session', { method: 'DELETE' });
    location.assign(signInPath());
  },
  models: (signal: AbortSignal) => read<ModelStatus[]>('/v1/models', signal),
  specs: (signal: AbortSignal) => read<SpecsInForce>('/v1/specs', signal),
  deadLetters: (signal: AbortSignal) => read<DeadLetterEntry[]>('/v1/deadletters?limit=100', signal),
  performance: (model: string, signal: AbortSignal) => read<Performance>(of(model, '/performance'), signal),
  labels: (model: string, signal: AbortSignal) => read<LabelCounts>(of(model, '/labels'), signal),
  versions: (model: string, signal: AbortSignal) => read<VersionInfo[]>(of(model, '/versions'), signal),
  /** The decisions that the chart may mark, newest first, back to the first one: the most that is given at once is more than a chart can show. */
  marked: (model: string, signal: AbortSignal) =>
    read<TimelineEntry[]>(of(model, `/timeline?limit=${PAGE_MAX}&types=${MARKED_TYPES.join()}`), signal),

  /**
   * The newest decisions, page by page, back to one that is known already, to the first, or to `pagesMax`.
   * @returns newest first, and whether the first one is among them
   */
  async timeline(
    model: string,
    known: number | null,
    pagesMax: number,
    signal: AbortSignal,
    before?: number,
  ): Promise<{ entries: TimelineEntry[]; complete: boolean }> {
    const entries: TimelineEntry[] = [];
    for (let page = 0, end = before; page < pagesMax; page++) {
      const older = end === undefined ? '' : `&before=${end}`;
      const newer = await read<TimelineEntry[]>(of(model, `/timeline?limit=${PAGE}${older}`), signal);
      entries.push(...newer);
      if (newer.length < PAGE) return { entries, complete: true };
      end = newer.at(-1)?.offset;
      if (known !== null && end !== undefined && end <= known) break;
    }
    return { entries, complete: false };
  },
};

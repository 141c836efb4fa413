import { setTimeout as pause } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import type { StreamedLifecycle, TimelineEntry } from '@gyre/contracts';
import type { ApiClient } from '../api-client.js';
import { wholeNumber } from '../arguments.js';
import { invocation, remote, type Invocation } from '../command.js';
import { serverSentEvents } from '../event-stream.js';
import { CallFailed, Unreachable } from '../failures.js';
import { instant, printJson, table } from '../output.js';
import { harmless, type Terminal } from '../terminal.js';
import { newestFirst } from '../timeline-pages.js';

const RECONNECT_MS = 2_000;
/** What a server, or what stands before it, answers while it starts or has too much to do. */
const PASSING = [429, 502, 503, 504];

export const timeline = (terminal: Terminal): Command =>
  remote('timeline', 'what was decided about a model, and why; newest last')
    .argument('<model>')
    .option('--follow', 'go on with what is decided from now on, until Ctrl-C; with --json one entry a line')
    .addOption(new Option('--limit <count>', 'the newest so many entries').default(30).argParser(wholeNumber(1)))
    .action(async (model: string, _options, command: Command) => {
      const called = invocation(command, terminal);
      const { follow, limit } = command.opts<{ follow?: boolean; limit: number }>();
      if (follow === true) return following(called, model, limit);
      const entries = (await called.api.timeline(model, { limit })).reverse();
      if (called.json) printJson(terminal, entries);
      else terminal.write(table(['time', 'what', 'by', 'why'], entries.map(cells), { wrap: { 3: 90 } }));
    });

function cells({ occurredAt, type, actor, reason }: TimelineEntry): string[] {
  return [instant(occurredAt), type, actor, reason];
}

/** Shows every entry once, also those that came while the connection was broken. */
async function following({ api, json, terminal }: Invocation, model: string, limit: number): Promise<void> {
  let shown = -1;
  const show = (entry: TimelineEntry) => {
    if (entry.offset <= shown) return;
    shown = entry.offset;
    terminal.write(json ? `${JSON.stringify(entry)}\n` : `${cells(entry).map(harmless).join('  ')}\n`);
  };
  for (let connected = false; ;) {
    try {
      const bytes = await api.stream();
      for (const entry of await missed(api, model, limit, shown)) show(entry);
      connected = true;
      for await (const { event, data } of serverSentEvents(bytes)) {
        if (event !== 'lifecycle') continue;
        const entry = JSON.parse(data) as StreamedLifecycle;
        if (entry.model === model) show(entry);
      }
    } catch (error) {
      const passing = error instanceof Unreachable || (error instanceof CallFailed && PASSING.includes(error.status));
      if (!connected || !passing) throw error;
    }
    terminal.note(`the connection has ended; trying again every ${RECONNECT_MS / 1000} s, Ctrl-C stops\n`);
    await pause(RECONNECT_MS);
  }
}

/** Oldest first: the newest `limit` entries, and after a break all since. */
async function missed(api: ApiClient, model: string, limit: number, shown: number): Promise<TimelineEntry[]> {
  if (shown < 0) return (await api.timeline(model, { limit })).reverse();
  const entries: TimelineEntry[] = [];
  for await (const entry of newestFirst(api, model)) {
    if (entry.offset <= shown) break;
    entries.push(entry);
  }
  return entries.reverse();
}

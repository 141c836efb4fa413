import { drops } from './backlog.topic.js';
import { ClusterPlatform } from './cluster-platform.js';
import type { ClusterOptions } from './options.js';

/** What a process is to work off, as its argument, in JSON. */
export interface BacklogPart {
  options: Pick<ClusterOptions, 'kafka' | 'mongodb' | 'partitions'>;
  events: number;
}

/** What it tells when it has. */
export interface BacklogSeen {
  events: number;
  bytes: number;
  rssMaxBytes: number;
}

const { options, events } = JSON.parse(process.argv[2] as string) as BacklogPart;
const seen: BacklogSeen = { events: 0, bytes: 0, rssMaxBytes: 0 };
const platform = await ClusterPlatform.open({ ...options, tickEveryMs: null, topics: [drops] });
const look = setInterval(() => {
  seen.rssMaxBytes = Math.max(seen.rssMaxBytes, process.memoryUsage.rss());
  if (seen.events < events) return;
  clearInterval(look);
  process.send?.(seen);
}, 20);
platform.run({
  name: 'test.drops',
  inputs: [drops],
  handle: (count: number = 0, { text }) => {
    seen.events += 1;
    seen.bytes += text.length;
    return { state: count + 1 };
  },
});

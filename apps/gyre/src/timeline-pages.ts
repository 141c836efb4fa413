import type { TimelineEntry } from '@gyre/contracts';
import type { ApiClient } from './api-client.js';

const PAGE = 1_000;

/** Every entry of a model's timeline, newest first, page by page. */
export async function* newestFirst(api: ApiClient, model: string): AsyncGenerator<TimelineEntry> {
  let before: number | undefined;
  for (;;) {
    const page = await api.timeline(model, { limit: PAGE, ...(before === undefined ? {} : { before }) });
    const last = page.at(-1);
    if (last === undefined) return;
    if (before !== undefined && last.offset >= before)
      throw new Error(`the timeline of ${model} does not go back beyond offset ${before}`);
    yield* page;
    before = last.offset;
  }
}

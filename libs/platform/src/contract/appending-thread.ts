import { parentPort, workerData } from 'node:worker_threads';
import { openAppender, type AppenderRecipe } from '../appender-recipe.js';
import { words } from './words.js';

/** A worker thread for the suite: appends numbers under its own producer id while the owner works, then says how many. */
const { recipe, producer, count } = workerData as { recipe: AppenderRecipe; producer: string; count: number };
const appender = await openAppender(recipe);
for (let n = 0; n < count; n += 10) {
  const events = Array.from({ length: 10 }, (_, i) => ({ sequence: n + i, event: { key: producer, n: n + i } }));
  await appender.appendAs(producer, words, events);
}
await appender.close();
parentPort?.postMessage(count);

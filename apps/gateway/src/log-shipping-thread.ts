import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { openAppender, type AppenderRecipe } from '@gyre/platform';
import { LogShipper, type ShippedLog, type Tell } from './log-shipper.js';
import { LogSignals } from './log-signals.js';

/** What the thread is started with. */
export interface ShippingThreadData {
  recipe: AppenderRecipe;
  own: ShippedLog;
  orphans: ShippedLog[];
  liveFrom: number;
  gatherMs: number;
  memory: SharedArrayBuffer;
}

/** What it says: something for the people's log, or the name of a dead gateway's log that is through. */
export type ShippingThreadMessage = { told: Parameters<Tell> } | { drained: string };

const port = parentPort as MessagePort;
const { recipe, own, orphans, liveFrom, gatherMs, memory } = workerData as ShippingThreadData;
const say = (message: ShippingThreadMessage): void => port.postMessage(message);
const tell: Tell = (...told) => say({ told });
const signals = new LogSignals(memory);
// Waiting for shared memory does not keep a thread alive; listening does.
port.on('message', () => undefined);

const topic = await openAppender(recipe);
const drain = async (log: ShippedLog): Promise<void> => {
  const shipper = new LogShipper(log, Infinity, topic, tell);
  await shipper.drain(signals);
  shipper.close();
  if (!signals.ended) say({ drained: log.instance });
};
const live = async (): Promise<void> => {
  const shipper = new LogShipper(own, liveFrom, topic, tell);
  await shipper.run(signals, gatherMs);
  shipper.close();
};
await Promise.all([live(), ...orphans.map(drain)]);
await topic.close();
port.close();

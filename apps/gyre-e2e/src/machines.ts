import type { RunningGyre } from './harness.js';
import { featuresOf, labelFor, mulberry32, until } from './harness.js';

/** After which a label is late, ms. */
export const HORIZON = 60_000;

/** A small world that can be learnt from a few dozen rows: machines that are hot fail. @param model its name */
export const machineSpec = (model: string): string => `kind: FeatureView
name: machine
entity: machine_id
fields: { temperature: float, load: float }
---
kind: Model
name: ${model}
features: [machine.*]
label: { name: failed, type: binary, horizon: ${HORIZON}ms }
trainers: [linear]
retraining: { bootstrapLabels: 60, minLabels: 40, windows: [1000], everyLabels: null }
`;
export const machine = machineSpec('failure');

export interface Machine {
  entity: string;
  temperature: number;
  load: number;
  failed: 0 | 1;
}

export function machines(count: number, seed: number): Machine[] {
  const random = mulberry32(seed);
  return Array.from({ length: count }, (_, i) => {
    const temperature = Math.fround(100 * random());
    return { entity: `m-${seed}-${i}`, temperature, load: Math.fround(random()), failed: temperature > 60 ? 1 : 0 };
  });
}

/** Takes machines through features, predictions and labels. @returns the prediction ids, in order */
export async function observe(running: RunningGyre, all: readonly Machine[], model = 'failure'): Promise<string[]> {
  await running.send(
    ...all.map(({ entity, temperature, load }) => featuresOf('machine', entity, { temperature, load })),
  );
  await running.settle();
  const ids: string[] = [];
  for (const { entity } of all) ids.push(await running.predict(model, entity));
  await running.send(...all.map(({ failed }, i) => labelFor(ids[i] as string, failed)));
  await running.settle();
  return ids;
}

/** As {@link observe}, and waits for the first version to serve. */
export async function trained(running: RunningGyre, all: readonly Machine[], model = 'failure'): Promise<string[]> {
  const ids = await observe(running, all, model);
  await until('the first version', async () =>
    (await running.decided(model, 'ServingChanged')).length > 0 ? true : undefined,
  );
  await running.settle();
  return ids;
}

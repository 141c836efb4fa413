import { featuresOf, labelFor, mulberry32, RunningGyre, until } from './harness.js';
import { InferenceClient } from './inference-client.js';

/** An order: its amount, how many items, and the code of its channel. It is sent back where the amount is large, and more often by one channel. */
interface Order {
  amount: number | null;
  items: number;
  channel: number;
  returned: 0 | 1;
}
type Fault = (order: Order, random: () => number) => Order;

/** What each model is fed and told from some row on. */
const FAULTS: Record<string, Fault> = {
  nulls: (order, random) => (random() < 0.6 ? { ...order, amount: null } : order),
  // More items change nothing about what is sent back.
  shifted: (order) => ({ ...order, items: order.items + 3 }),
  flipped: (order, random) => (random() < 0.7 ? { ...order, returned: order.returned === 1 ? 0 : 1 } : order),
  swapped: (order) => ({ ...order, channel: [3, 2, 1, 0][order.channel]! }),
  // Every amount is as frequent as it was.
  mirrored: (order) => ({ ...order, amount: Math.fround(100 - order.amount!) }),
};
const MODELS = Object.keys(FAULTS);

const spec = (name: string) => `kind: Model
name: ${name}
features: [order.*]
label: { name: returned, type: binary, horizon: 1h }
trainers: [{ kind: trees, rounds: 40 }]
drift: { windowOutcomes: 250, falseAlarms: 1 per 100000 rows }
retraining: { bootstrapLabels: 500, minLabels: 500, cooldownLabels: 100000, windows: [1000], everyLabels: null, onDrift: false, onPerformance: false }
`;
const specs = [
  'kind: FeatureView\nname: order\nentity: order_id\nfields: { amount: { type: float, nullable: true }, items: float, channel: int }\n',
  ...MODELS.map(spec),
].join('---\n');

function orders(count: number, random: () => number): Order[] {
  return Array.from({ length: count }, () => {
    const amount = Math.fround(100 * random());
    const drawn = random();
    const channel = drawn < 0.55 ? 0 : drawn < 0.8 ? 1 : drawn < 0.95 ? 2 : 3;
    const often = (amount > 70 ? 0.9 : 0.05) + (channel === 3 ? 0.4 : 0);
    return { amount, items: Math.fround(10 * random()), channel, returned: random() < often ? 1 : 0 };
  });
}

describe('a fault that is injected opens one incident, under its own name', () => {
  let running: RunningGyre;
  let client: InferenceClient;
  const random = mulberry32(7);
  let sent = 0;

  /** Orders as events, a prediction of each model for each, and their labels, through the interfaces that producers and clients use. */
  async function observe(models: readonly string[], all: readonly Order[]): Promise<void> {
    for (let from = 0; from < all.length; from += 100) {
      const some = all.slice(from, from + 100).map((order) => ({ ...order, entity: `order-${sent++}` }));
      await running.send(
        ...some.map(({ entity, amount, items, channel }) => featuresOf('order', entity, { amount, items, channel })),
      );
      await running.settle();
      for (const model_name of models) {
        const answers = await Promise.all(
          some.map(({ entity }) => client.infer({ model_name, parameters: { entity: { string_param: entity } } })),
        );
        await running.send(
          ...answers.map(({ parameters }, i) =>
            labelFor(String(parameters['prediction_id']?.['string_param']), some[i]!.returned),
          ),
        );
      }
    }
    await running.settle();
  }

  const incidentsOf = (model: string) => running.decided(model, 'IncidentOpened');

  beforeAll(async () => {
    running = await RunningGyre.start();
    client = new InferenceClient(running.grpcAddress);
    await running.apply(specs);
    await observe(MODELS, orders(500, random));
    for (const model of MODELS)
      await until(`a version of ${model}`, async () =>
        (await running.decided(model, 'ServingChanged')).length > 0 ? true : undefined,
      );
    await observe(MODELS, orders(500, random));
  }, 300_000);
  afterAll(() => client.close());

  it('and nothing opens one before', async () => {
    for (const model of MODELS) expect(await incidentsOf(model)).toEqual([]);
  });

  it.each([
    ['nulls', { kind: 'quality' }, 'order.amount'],
    ['shifted', { kind: 'covariate', pages: false, severity: 'info' }, 'order.items'],
    // No input by name: the error itself.
    ['flipped', { kind: 'concept', pages: true, severity: 'critical' }, ''],
    ['swapped', { kind: 'covariate' }, 'order.channel'],
    ['mirrored', { kind: 'concept', pages: true, severity: 'critical' }, 'order.amount'],
  ])(
    '%s: %j',
    async (model, expected, first) => {
      await observe(
        [model],
        orders(600, random).map((order) => FAULTS[model]!(order, random)),
      );
      const [opened] = await until(`an incident of ${model}`, async () => {
        const found = await incidentsOf(model);
        return found.length > 0 ? found : undefined;
      });
      expect(opened).toMatchObject(expected);
      await running.settle();
      const updated = (await running.decided(model, 'IncidentUpdated')).at(-1);
      expect(await incidentsOf(model)).toHaveLength(1);
      expect((updated ?? opened)!.causes[0]!.name).toBe(first);
    },
    60_000,
  );
});

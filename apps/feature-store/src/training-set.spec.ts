import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Predicted } from '@gyre/contracts';
import { archiveName } from './archive.js';
import type { Segment } from './segments.js';
import { historyLayout, outcomesLayout, predictionsLayout } from './layouts.js';
import { TrainingSetsController } from './training-sets.http.js';
import { HistoryIncomplete } from './training-set.js';
import { StoreInTest, type Shape } from './store-in-test.js';

/** Random replays; each writes files and starts platforms. */
const RUNS = 6;
const MARKET = {
  name: 'market',
  ttl: '30ms',
  fields: { price: { type: 'float', nullable: true }, open: { type: 'bool', nullable: true } },
};
const WEATHER = {
  name: 'weather',
  fields: { sky: { type: 'string', enum: ['clear', 'cloudy'], nullable: true }, wind: { type: 'int', nullable: true } },
};
const SHAPE: Shape = {
  views: [MARKET, WEATHER],
  features: ['market.price', 'weather.sky', 'market.open', 'weather.wind'],
  partitions: 2,
};

async function using<T>(shape: Partial<Shape>, story: (store: StoreInTest) => Promise<T>): Promise<T> {
  const store = await StoreInTest.open({ ...SHAPE, ...shape });
  try {
    return await story(store);
  } finally {
    await store.close();
  }
}
const asRow = ({ id, occurredAt, entity, features }: Predicted, label: number) => ({
  prediction: id,
  predictedAt: occurredAt,
  entity,
  label,
  features,
});
const inOrder = <R extends { predictedAt: number; prediction: string }>(rows: readonly R[]) =>
  [...rows].sort((a, b) => a.predictedAt - b.predictedAt || (a.prediction < b.prediction ? -1 : 1));

describe('training sets', () => {
  it('see exactly what serving saw, whatever came late, expired or was killed on the way', async () => {
    const at = fc.integer({ min: 0, max: 200 });
    const entity = fc.constantFrom('a', 'b', 'c');
    const nullable = <V>(values: fc.Arbitrary<V>) => fc.option(values, { nil: null });
    const price = nullable(
      fc.oneof(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.integer().map((n) => n / 1_000),
      ),
    );
    const observation = fc.oneof(
      fc.record({
        view: fc.constant('market'),
        values: fc.record({ price, open: nullable(fc.boolean()) }, { requiredKeys: [] }),
      }),
      fc.record({
        view: fc.constant('weather'),
        values: fc.record(
          { sky: nullable(fc.constantFrom('clear', 'cloudy', 'odd')), wind: fc.integer() },
          { requiredKeys: [] },
        ),
      }),
    );
    const action = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('observe' as const), entity, at, observation }) },
      {
        weight: 5,
        arbitrary: fc.record({
          do: fc.constant('predict' as const),
          entity,
          at,
          label: fc.integer({ min: 0, max: 1 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), entity, at }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 50, size: 'max' }), (actions) =>
        using({ batchMin: 6, batchMax: 9 }, async (store) => {
          const expected: ReturnType<typeof asRow>[] = [];
          for (const each of actions) {
            if (each.do === 'observe')
              await store.observe(each.observation.view, each.entity, each.at, each.observation.values);
            else if (each.do === 'predict') {
              const predicted = await store.predict(each.entity, each.at);
              await store.outcome('joined', predicted, each.label, each.at);
              expected.push(asRow(predicted, each.label));
            } else if (each.do === 'restart') await store.restart();
            else {
              const meanwhile = async () => {
                for (let i = 0; i < 4; i++) await store.observe('weather', each.entity, each.at + i, { wind: i });
              };
              await store.restart({ killAt: 'job: performed', meanwhile });
            }
          }
          const built = await store.train();
          if (expected.length === 0) return expect(built).toMatchObject({ type: 'TrainingFinished', candidates: [] });
          expect(built).toMatchObject({ type: 'TrainingSetBuilt', rows: expected.length, parityMismatches: 0 });
          expect(await store.rows(built)).toEqual(inOrder(expected));
        }),
      ),
      { numRuns: RUNS, endOnFailure: true },
    );
  });

  it('takes the newest label by position, corrected and late ones too, and only those known in time', () =>
    using({}, async (store) => {
      const predictions = [];
      for (let i = 0; i < 6; i++) predictions.push(await store.predict('a', 10 + i));
      const [joined, corrected, late, expired, repeated, unknown] = predictions as [
        Predicted,
        Predicted,
        Predicted,
        Predicted,
        Predicted,
        Predicted,
      ];
      await store.outcome('joined', joined, 1, 20);
      await store.outcome('joined', corrected, 0, 20);
      await store.outcome('corrected', corrected, 2, 30);
      await store.outcome('corrected', corrected, 1, 25);
      await store.outcome('corrected', corrected, 3, 99);
      await store.outcome('late', late, 1, 40);
      await store.outcome('expired', expired, null, 40);
      await store.outcome('joined', repeated, 1, 20);
      await store.outcome('repeated', repeated, 1, 30);
      await store.outcome('joined', unknown, 1, 51);
      const labels = (await store.rows(await store.train({ asOf: 50 }))).map(({ prediction, label }) => [
        prediction,
        label,
      ]);
      expect(labels).toEqual([
        [joined.id, 1],
        [corrected.id, 1],
        [late.id, 1],
        [repeated.id, 1],
      ]);
    }));

  it('holds the newest rows, and reads no more files than they need', () =>
    using({ batchMin: 5, batchMax: 5, partitions: 1 }, async (store) => {
      for (let i = 0; i < 40; i++) {
        await store.observe('weather', 'a', 1_000 + i, { wind: i });
        await store.outcome('joined', await store.predict('a', 1_000 + i), i % 2, 2_000);
      }
      const old = (await segments(store, predictionsLayout)).at(0)?.tables[0]?.file as string;
      const rows = await store.rows(await store.train({ rowsMax: 7 }));
      expect(rows.map(({ features }) => features[3])).toEqual([33, 34, 35, 36, 37, 38, 39]);
      rmSync(join(store.dir, 'archive', old));
      expect(await store.rows(await store.train({ rowsMax: 7 }))).toEqual(rows);
    }));

  it('looks back for labels where the newest predictions have none', () =>
    using({ batchMin: 5, batchMax: 5, partitions: 1 }, async (store) => {
      for (let i = 0; i < 20; i++) {
        const predicted = await store.predict('a', 1_000 + i);
        await store.outcome(i < 5 ? 'joined' : 'expired', predicted, i < 5 ? i : null, 2_000);
      }
      expect((await store.rows(await store.train({ rowsMax: 2 }))).map(({ label }) => label)).toEqual([3, 4]);
    }));

  it('holds a value to its time to live at the moment of the prediction, to the millisecond', () =>
    using({}, async (store) => {
      await store.observe('market', 'a', 100, { price: 5 });
      for (const at of [130, 131]) await store.outcome('joined', await store.predict('a', at), 1, 200);
      const built = await store.train();
      expect(built).toMatchObject({ parityMismatches: 0 });
      expect((await store.rows(built)).map(({ features }) => features[0])).toEqual([5, null]);
    }));

  it('looks back for what an entity showed long ago', () =>
    using({ batchMin: 5, batchMax: 5, partitions: 1 }, async (store) => {
      await store.observe('weather', 'quiet', 1, { wind: 7 });
      for (let i = 0; i < 50; i++) await store.observe('weather', 'busy', 1_000 + i, { wind: i });
      await store.outcome('joined', await store.predict('quiet', 5_000), 1, 5_000);
      expect((await store.rows(await store.train())).map(({ features }) => features)).toEqual([[null, null, null, 7]]);
    }));

  it('takes tensors as they came, if there are as many as the model has inputs', () =>
    using({}, async (store) => {
      const good = await store.predictTensors([1, 2, 3, 4], 10);
      const narrow = await store.predictTensors([1, 2, 3], 11);
      for (const each of [good, narrow]) await store.outcome('joined', each, 1, 20);
      const built = await store.train();
      expect(await store.rows(built)).toEqual([asRow(good, 1)]);
      expect(await store.manifest(built)).toMatchObject({ rows: 1, unusable: 1 });
    }));

  it('leaves out predictions whose features could not be looked up: their nulls are no features', () =>
    using({}, async (store) => {
      await store.observe('weather', 'a', 1, { wind: 7 });
      const nothing = { features: [null, null, null, null], seen: null };
      const good = await store.predict('a', 10);
      const missing = await store.predict('stranger', 11);
      const unavailable = await store.predict('a', 12, { ...nothing, fallback: 'features-unavailable' });
      // Nor was there a version: that is what is recorded then.
      const neither = await store.predict('a', 13, { ...nothing, fallback: 'no-version' });
      // The entity is named, but the request brought the features: all missing, and a model answered.
      const brought = await store.predict('a', 14, { ...nothing, fallback: null, version: 1 });
      for (const each of [good, missing, unavailable, neither, brought]) await store.outcome('joined', each, 1, 20);
      const built = await store.train();
      expect((await store.rows(built)).map(({ prediction }) => prediction)).toEqual([good.id, missing.id, brought.id]);
      expect(await store.manifest(built)).toMatchObject({ rows: 3, unusable: 2, parityMismatches: 0 });
    }));

  it('counts rows that differ from what the prediction recorded', () =>
    using({}, async (store) => {
      await store.observe('weather', 'a', 1, { wind: 7 });
      const wrong = await store.predict('a', 5, { features: [null, null, null, 8] });
      const right = await store.predict('a', 6);
      for (const each of [wrong, right]) await store.outcome('joined', each, 1, 20);
      expect(await store.train()).toMatchObject({ rows: 2, parityMismatches: 1 });
    }));

  it('is the same to the last byte for the same request, before and after archiving, and again from its manifest', () =>
    using({ batchMin: 30, batchMax: 30 }, async (store) => {
      const grow = async (from: number, to: number) => {
        for (let i = from; i < to; i++) {
          await store.observe(
            i % 3 === 0 ? 'market' : 'weather',
            `e${i % 4}`,
            i,
            i % 3 === 0 ? { price: i / 7 } : { sky: 'cloudy', wind: i },
          );
          const predicted = await store.predict(`e${i % 4}`, i);
          await store.outcome('joined', predicted, i % 2, i);
        }
      };
      await grow(0, 25);
      const fromLog = await store.train({ asOf: 24 });
      await grow(25, 80);
      const fromFiles = await store.train({ asOf: 24 });
      expect(await segments(store, outcomesLayout)).not.toEqual([]);
      expect(fromFiles).toMatchObject({
        data: (fromLog as { data: string }).data,
        digest: (fromLog as { digest: string }).digest,
        rows: 25,
      });

      const manifest = await store.manifest(fromLog);
      await store.restart();
      const again = await store.sets.rebuild(manifest);
      expect(again.manifest).toEqual(manifest);
      expect(await store.rowsOf(again.data)).toEqual(await store.rows(fromLog));
      expect(
        manifest.columns.slice(4).map(({ name, feature }) => [name, `${feature?.view}.${feature?.field}`]),
      ).toEqual(SHAPE.features.map((name, i) => [`f${i}`, name]));
    }));

  it('can be made again by its manifest to see that it is the same, or that it is not', () =>
    using({}, async (store) => {
      for (let i = 0; i < 30; i++) {
        await store.observe('weather', 'a', i, { wind: i });
        await store.outcome('joined', await store.predict('a', i), i % 2, i);
      }
      const built = await store.train();
      if (built.type !== 'TrainingSetBuilt') throw new Error('no training set');
      const http = new TrainingSetsController(store.platform, store.sets);
      const both = (value: unknown) => ({ manifest: value, rebuilt: value });
      const same = { same: true, digest: both(built.digest), rows: both(30) };
      expect(await http.rebuild(built.manifest)).toEqual(same);

      const manifest = { ...(await store.manifest(built)), digest: '0'.repeat(64) };
      const other = await store.platform.artifacts.put(Buffer.from(JSON.stringify(manifest)));
      expect(await http.rebuild(other)).toMatchObject({ same: false, digest: { rebuilt: built.digest } });
      await expect(http.rebuild(built.data)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
      await expect(http.rebuild('0'.repeat(64))).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });
    }));

  it('archives each event once, also when killed between file and commit', () =>
    using({ batchMin: 3, batchMax: 10, partitions: 1 }, async (store) => {
      const observe = async (from: number, to: number) => {
        for (let i = from; i < to; i++) await store.observe('weather', 'a', i, { wind: i });
      };
      await store.restart({ killAt: 'job: performed', meanwhile: () => observe(0, 4) });
      const orphans = parquetFiles(join(store.dir, 'archive', 'gyre.history'));
      expect(orphans.length).toBeGreaterThan(0);
      await observe(4, 21);
      await store.platform.settled();
      const written = await segments(store, historyLayout);
      expect(written.reduce((rows, segment) => rows + segment.rows, 0)).toBeGreaterThanOrEqual(18);
      const files = written.flatMap(({ tables }) => tables.map(({ file }) => join(store.dir, 'archive', file)));
      const found = await store.warehouse.with((c) =>
        c.runAndReadAll(
          `SELECT CAST(revision AS INTEGER) FROM read_parquet([${files.map((f) => `'${f}'`).join()}]) ORDER BY 1`,
        ),
      );
      expect(found.getRows().map(([revision]) => revision)).toEqual(
        Array.from({ length: found.getRows().length }, (_, i) => i + 1),
      );
    }));

  it('ends the run in words when there is no such model, or too little to learn from', () =>
    using({}, async (store) => {
      const unknown = { type: 'TrainingFinished', candidates: [], failure: 'no model named "other" has been applied' };
      expect(await store.train({ model: 'other' })).toMatchObject(unknown);
      await store.predict('a', 1);
      const few = { type: 'TrainingFinished', candidates: [], failure: 'only 0 labelled predictions, 1 are needed' };
      expect(await store.train()).toMatchObject(few);
    }));

  it('waits out a full disk, and gives up no run for it', () =>
    using({}, async (store) => {
      await store.outcome('joined', await store.predict('a', 1), 1, 2);
      const build = store.sets.build.bind(store.sets);
      let tries = 0;
      store.sets.build = (recipe) =>
        ++tries > 3
          ? build(recipe)
          : Promise.reject(new Error('IO Error: Could not write file "x.parquet": No space left on device'));
      expect(await store.train()).toMatchObject({ type: 'TrainingSetBuilt', rows: 1 });
    }));

  it('does not train on history that has not arrived: older values would stand in for what serving saw', () =>
    using({}, async (store) => {
      await store.observe('weather', 'a', 1, { wind: 7 });
      const ahead = await store.predict('a', 5, { seen: { market: 0, weather: 2 } });
      await store.outcome('joined', ahead, 1, 20);
      expect(await store.train()).toMatchObject({
        type: 'TrainingFinished',
        failure: new HistoryIncomplete(1).message + ', after 0 ms',
      });
      await store.observe('weather', 'a', 4, { wind: 8 });
      expect((await store.rows(await store.train())).map(({ features }) => features[3])).toEqual([8]);
    }));
});

async function segments(store: StoreInTest, layout: { topic: { name: string } }): Promise<Segment[]> {
  const found = [];
  for await (const { segments: own } of store.segments.of({ name: archiveName(layout) })) found.push(...own);
  return found;
}

function parquetFiles(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.parquet') && statSync(join(dir, name)).isFile(),
  );
}

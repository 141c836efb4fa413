import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { InferenceClient, type GrpcAnswer } from './inference-client.js';
import { featuresOf, mulberry32, newDirectory, newFile, root, RunningGyre, type InferAnswer } from './harness.js';
import { machine, machines, trained } from './machines.js';

interface Summary {
  model: string;
  rows: number;
  batchSize: number;
  versions: Record<string, number>;
}

const ROWS = 1_000;
const MODELS = [
  { name: 'lightgbm', file: 'libs/model-runtime/testdata/models/elec2_lightgbm_100.onnx', width: 6 },
  { name: 'mlp', file: 'bench/testdata/mlp_16_64_64_2.onnx', width: 16 },
];

/** Runs SQL on a DuckDB of its own. @returns the rows of the last statement */
async function sql(...statements: string[]): Promise<unknown[][]> {
  const database = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await database.connect();
  let rows: unknown[][] = [];
  for (const statement of statements) rows = (await connection.runAndReadAll(statement)).getRows();
  connection.closeSync();
  return rows;
}

describe('predictions of a file', () => {
  let running: RunningGyre;
  const directory = newDirectory();
  const out = (name: string) => join(directory, name);

  beforeAll(async () => {
    running = await RunningGyre.start();
  }, 180_000);

  describe.each(MODELS)('by $name', ({ name, file, width }) => {
    const random = mulberry32(width);
    const rows = Array.from({ length: ROWS }, () => Array.from({ length: width }, () => Math.fround(random() * 4 - 2)));
    const csv = newFile(
      `${name}.csv`,
      [rows[0]!.map((_, f) => `x${f}`), ...rows].map((cells) => `${cells.join(',')}\n`).join(''),
    );
    const parquet = out(`${name}.parquet`);
    let input = '';

    beforeAll(async () => {
      const imported = await running.cli<{ inputs: { name: string }[] }>('import', name, join(root, file));
      input = imported.json.inputs[0]!.name;
      const typed = rows[0]!.map((_, f) => `CAST(x${f} AS FLOAT) AS x${f}`).join(', ');
      await sql(`COPY (SELECT ${typed} FROM read_csv('${csv}')) TO '${parquet}' (FORMAT parquet)`);
    });

    /** Probabilities as a file of predictions has them, row by row. */
    const predicted = async (from: string, batchSize: number): Promise<number[]> => {
      const to = out(`${name}-${batchSize}-${from.endsWith('csv') ? 'csv' : 'parquet'}.parquet`);
      const flags = ['--file', from, '--out', to, '--model', name, '--batch-size', String(batchSize)];
      const { json } = await running.cli<Summary>('predict', ...flags);
      expect(json).toMatchObject({ model: name, rows: ROWS, batchSize, versions: { 1: ROWS } });
      const found = await sql(`SELECT probability_0, probability_1, x0, prediction_id FROM '${to}'`);
      // The rows of the input, in its order, and each a prediction of its own.
      expect(found.map((row) => row[2])).toEqual(rows.map(([x0]) => x0));
      expect(new Set(found.map((row) => row[3])).size).toBe(ROWS);
      return found.flatMap(([a, b]) => [Number(a), Number(b)]);
    };
    const inBatches = async (size: number, ask: (data: number[], count: number) => Promise<number[]>) => {
      const all: number[] = [];
      for (let from = 0; from < ROWS; from += size) {
        const part = rows.slice(from, from + size);
        all.push(...(await ask(part.flat(), part.length)));
      }
      return all;
    };
    const overRest = (size: number) =>
      inBatches(size, async (data, count) => {
        const inputs = [{ name: input, datatype: 'FP32', shape: [count, width], data }];
        const answer = await running.post<InferAnswer>(`/v2/models/${name}/infer`, { inputs });
        return answer.outputs.find((tensor) => tensor.name === 'probabilities')!.data as number[];
      });
    const overGrpc = async (size: number) => {
      const client = new InferenceClient(running.grpcAddress);
      const all = await inBatches(size, async (data, count) => {
        const inputs = [{ name: input, datatype: 'FP32', shape: [count, width], contents: { fp32_contents: data } }];
        const { outputs }: GrpcAnswer = await client.infer({ model_name: name, inputs });
        return outputs.find((tensor) => tensor.name === 'probabilities')!.contents!['fp32_contents']!;
      });
      client.close();
      return all;
    };

    it('are those of REST and of gRPC, to the last bit, for the same batch size; of CSV as of Parquet', async () => {
      for (const size of [100, 256]) {
        const ofFile = await predicted(parquet, size);
        expect(ofFile).toEqual(await overRest(size));
        expect(ofFile).toEqual(await overGrpc(size));
        if (size === 100) expect(await predicted(csv, size)).toEqual(ofFile);
      }
    }, 180_000);

    it('agree to 1e-6 whatever the batch size', async () => {
      const [one, ...others] = [await overGrpc(1), await predicted(parquet, 7), await predicted(csv, ROWS)] as const;
      for (const other of others) {
        const largest = one.reduce((most, value, i) => Math.max(most, Math.abs(value - (other[i] as number))), 0);
        expect(largest).toBeLessThanOrEqual(1e-6);
      }
    }, 180_000);
  });

  describe('with a trained model', () => {
    beforeAll(async () => {
      await running.apply(machine);
      await trained(running, machines(80, 1));
    }, 180_000);
    const predict = (...flags: string[]) =>
      running.cli<Summary & { error: { message: string; details: object } }>('predict', 'failure', ...flags);

    it('take columns by their names, pass the others on, and write missing values as missing', async () => {
      const file = newFile('machines.csv', 'who,load,machine.temperature\na,0.5,90\nb,,20\n');
      const to = out('machines.parquet');
      expect((await predict('--file', file, '--out', to)).json).toMatchObject({ rows: 2, versions: { 1: 2 } });
      const [hot, cold] = await sql(
        `SELECT who, predicted_label::INT, probability_1, prediction_role FROM '${to}' ORDER BY who`,
      );
      expect(hot).toEqual(['a', 1, expect.any(Number), 'champion']);
      expect(cold).toEqual(['b', 0, expect.any(Number), 'champion']);
      const answer = await running.post<InferAnswer>('/v2/models/failure/infer', {
        inputs: [{ name: 'features', datatype: 'FP32', shape: [2, 2], data: [90, 0.5, 20, null] }],
      });
      expect([...answer.outputs[0]!.data]).toEqual(
        [1 - Number(hot![2]), hot![2], 1 - Number(cold![2]), cold![2]].map((p) => expect.closeTo(Number(p), 6)),
      );
    });

    it('look features up where the file names entities', async () => {
      await running.send(featuresOf('machine', 'hot', { temperature: 95, load: 0.5 }));
      await running.settle();
      const file = newFile('entities.csv', 'who\nhot\nnobody\n');
      const to = out('entities.csv');
      await predict('--file', file, '--out', to, '--entity-column', 'who');
      expect(await sql(`SELECT who, predicted_label::INT FROM '${to}'`)).toEqual([
        ['hot', 1],
        ['nobody', expect.any(Number)],
      ]);
    });

    it.each([
      [
        'a cell that is no number',
        'machine.temperature,load\n1,2\n3,warm\n',
        /row 2, column load: "warm"; expected a value of FP32/,
      ],
      ['a number beyond float32', 'machine.temperature,load\n1e39,2\n', /row 1, column machine.temperature: 1e\+39/],
      [
        'a column that is missing',
        'machine.temperature\n1\n',
        /has no column machine\.load; it has machine\.temperature/,
      ],
      ['no rows', 'machine.temperature,load\n', /has no rows/],
      ['a name that the answers need', 'machine.temperature,load,prediction_id\n1,2,x\n', /has a column prediction_id/],
    ])('say what is wrong, and leave nothing behind: %s', async (_, text, message) => {
      const to = join(newDirectory(), 'out.parquet');
      const { code, json } = await predict('--file', newFile('broken.csv', text), '--out', to);
      expect(code).toBe(1);
      expect(json.error.message).toMatch(message);
      expect(existsSync(to)).toBe(false);
      expect(readdirSync(dirname(to))).toEqual([]);
    });

    it('refuse a file that is none, and an output that cannot be', async () => {
      const broken = out('broken.parquet');
      writeFileSync(broken, 'PAR1 is not all');
      expect((await predict('--file', broken, '--out', out('x.parquet'))).json.error.message).toMatch(
        /cannot read .*broken/,
      );
      expect((await predict('--file', out('nowhere.csv'), '--out', out('x.parquet'))).json.error.message).toMatch(
        /no file/,
      );
      expect(await predict('--file', broken)).toMatchObject({ code: 2 });
    });
  });
});

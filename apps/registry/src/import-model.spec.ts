import { topics, type Imported, type ModelInForce } from '@gyre/contracts';
import { Catalog, type KnownEverywhere } from '@gyre/hosting';
import { encodeOnnx } from '@gyre/model-runtime';
import { EmbeddedPlatform } from '@gyre/platform';
import { importModel } from './import-model.js';
import { keep } from './keep.js';
import type { ModelRecord } from './model-record.js';
import { RegistryController } from './registry.http.js';
import { TimelinePages } from './timeline-pages.js';

let platform: EmbeddedPlatform;
let catalog: Catalog;
beforeEach(async () => {
  platform = EmbeddedPlatform.inMemory({});
  platform.run(keep);
  catalog = new Catalog();
  await catalog.open(platform);
});
afterEach(() => platform.close());

/** A classifier of two features and these classes; another bias is another file. */
function classifier(classes: readonly string[], bias: number): Uint8Array {
  const { length } = classes;
  return encodeOnnx({
    name: 'm',
    inputs: [{ name: 'x', type: 'float32', dims: ['N', 2] }],
    outputs: [
      { name: 'label', type: 'string', dims: ['N'] },
      { name: 'scores', type: 'float32', dims: ['N', length] },
    ],
    nodes: [
      {
        op: 'LinearClassifier',
        domain: 'ai.onnx.ml',
        inputs: ['x'],
        outputs: ['label', 'scores'],
        attributes: {
          coefficients: { floats: new Float32Array(2 * length) },
          intercepts: { floats: new Float32Array(length).fill(bias) },
          classlabels_strings: { strings: classes },
          post_transform: { string: 'SOFTMAX' },
        },
      },
    ],
    constants: {},
    opsets: { 'ai.onnx.ml': 1 },
    metadata: {},
  });
}

async function imports(model: string, bytes: Uint8Array, name = 'm.onnx'): Promise<Imported> {
  const by = { actor: 'ana', at: 7 };
  const there = catalog.model(model);
  const { events, answer } = await importModel(model, { name, bytes }, there, platform.artifacts, by);
  await platform.append(topics.lifecycle, events);
  await platform.settled();
  return answer;
}
const record = async (model: string): Promise<ModelRecord> =>
  (await platform.states<ModelRecord>(keep, [model])).get(model) as ModelRecord;

it('serves at once, with no features and no training', async () => {
  const answer = await imports('colours', classifier(['red', 'green', 'blue'], 0));
  expect(answer).toMatchObject({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
    outputs: [
      { name: 'label', datatype: 'BYTES', shape: [-1] },
      { name: 'scores', datatype: 'FP32', shape: [-1, 3] },
    ],
    classes: ['red', 'green', 'blue'],
    cut: [],
  });
  expect(await record('colours')).toMatchObject({
    champion: 1,
    spec: {
      imported: true,
      inputs: [],
      trainers: [],
      label: { type: 'multiclass', classes: ['red', 'green', 'blue'] },
    },
    versions: [{ candidate: { onnx: answer.onnx, trainer: 'import' } }],
  });
  const manifest = JSON.parse(Buffer.from(await platform.artifacts.get(answer.manifest)).toString()) as object;
  expect(manifest).toMatchObject({ file: { name: 'm.onnx' }, onnx: answer.onnx, classes: ['red', 'green', 'blue'] });
});

it('another file is another version, the same file again the version that it was', async () => {
  await imports('colours', classifier(['red', 'green'], 0));
  await imports('colours', classifier(['red', 'green'], 1));
  expect(await record('colours')).toMatchObject({ champion: 2, previous: 1 });
  await imports('colours', classifier(['red', 'green'], 0));
  expect(await record('colours')).toMatchObject({ champion: 1, previous: 2, nextVersion: 3, rollout: null });
});

it('is refused under the name of a trained model, for other classes, and for what is unsafe', async () => {
  const trained = { kind: 'Model', name: 'trained' } as unknown as ModelInForce;
  catalog.apply({ type: 'ModelApplied', spec: trained, model: 'trained', occurredAt: 0, actor: '', reason: '' });
  const file = classifier(['red', 'green'], 0);
  await expect(imports('trained', file)).rejects.toMatchObject({ code: 'COMMAND_REFUSED' });
  await expect(imports('No Name', file)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  await imports('colours', file);
  await expect(imports('colours', classifier(['red', 'blue'], 0))).rejects.toThrow(
    'has the label ["red","green"], and the file answers ["red","blue"]',
  );
  await expect(imports('broken', new Uint8Array(9))).rejects.toMatchObject({ code: 'MODEL_INVALID' });
});

it('is answered when the other processes know it, and names those that do not say so', async () => {
  const unconfirmed = ['drift-monitor does not answer within 10000 ms'];
  const everywhere = { known: () => Promise.resolve(unconfirmed) } as KnownEverywhere;
  const http = new RegistryController(platform, catalog, everywhere, new TimelinePages(platform));
  const file = Buffer.from(classifier(['red', 'green'], 0));
  expect(await http.import('colours', file, 'm.onnx', 'ana')).toMatchObject({ model: 'colours', unconfirmed });
});

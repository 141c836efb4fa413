/**
 * What people write first: grpc-js, proto-loader and onnxruntime-node, one request at a time, nothing else.
 * A process of its own; takes the model's file, prints its address on standard output.
 */
import { fileURLToPath } from 'node:url';
import { loadPackageDefinition, Server, ServerCredentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const { inference } = loadPackageDefinition(
  loadSync(at('../proto/inference/grpc_predict_v2.proto'), { keepCase: true, longs: Number }),
);
const model = process.argv[2] ?? at('../libs/model-runtime/testdata/models/elec2_lightgbm_100.onnx');
const session = await InferenceSession.create(model, { intraOpNumThreads: 1 });
const [input] = session.inputNames;

const server = new Server();
server.addService(inference.GRPCInferenceService.service, {
  async ModelInfer(call, reply) {
    const [tensor] = call.request.inputs;
    const features = Float32Array.from(tensor.contents.fp32_contents);
    const feeds = { [input]: new Tensor('float32', features, tensor.shape) };
    const results = await session.run(feeds, ['probabilities']);
    const probabilities = results.probabilities;
    const output = {
      name: 'probabilities',
      datatype: 'FP32',
      shape: probabilities.dims,
      contents: { fp32_contents: [...probabilities.data] },
    };
    reply(null, { model_name: call.request.model_name, id: call.request.id, outputs: [output] });
  },
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`127.0.0.1:${port}`);
});

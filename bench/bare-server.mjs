/**
 * What people write first: grpc-js, proto-loader and onnxruntime-node, one request at a time, nothing else.
 * A process of its own; takes the model's file, prints its address on standard output.
 */
import { fileURLToPath } from 'node:url';
import { loadPackageDefinition, Server, ServerCredentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { bareModel, PROTO } from './bare-model.mjs';

const { inference } = loadPackageDefinition(loadSync(PROTO, { keepCase: true, longs: Number }));
const elec2 = new URL('../libs/model-runtime/testdata/models/elec2_lightgbm_100.onnx', import.meta.url);
const answer = await bareModel(process.argv[2] ?? fileURLToPath(elec2));

const server = new Server();
server.addService(inference.GRPCInferenceService.service, {
  ModelInfer: async (call, reply) => reply(null, await answer(call.request)),
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`127.0.0.1:${port}`);
});

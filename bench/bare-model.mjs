import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor } from 'onnxruntime-node';

/** The published protocol. */
export const PROTO = fileURLToPath(new URL('../proto/inference/grpc_predict_v2.proto', import.meta.url));

/** A model's file as people serve it first: one request at a time, as proto-loader gives it, to the answer that proto-loader takes. */
export async function bareModel(file) {
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1 });
  const [input] = session.inputNames;
  return async (request) => {
    const [tensor] = request.inputs;
    const features = Float32Array.from(tensor.contents.fp32_contents);
    const feeds = { [input]: new Tensor('float32', features, tensor.shape) };
    const { probabilities } = await session.run(feeds, ['probabilities']);
    const output = {
      name: 'probabilities',
      datatype: 'FP32',
      shape: probabilities.dims,
      contents: { fp32_contents: [...probabilities.data] },
    };
    return { model_name: request.model_name, id: request.id, outputs: [output] };
  };
}

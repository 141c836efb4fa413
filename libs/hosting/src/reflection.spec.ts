import { fileURLToPath } from 'node:url';
import { loadSync } from '@grpc/proto-loader';
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor/index.js';
import { asIs, EchoServer } from './grpc/a-grpc-server.js';
import { addReflection } from './reflection.js';

const PROTO = fileURLToPath(new URL('../../../proto', import.meta.url));
const FILES = ['inference/grpc_predict_v2.proto', 'gyre/v1/explainer.proto', 'gyre/v1/feature_store.proto'];
const ASK = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';

/** The part of reflection's own messages that is asked for here. */
const { Request, Answer } = protobuf.parse(`syntax = "proto3";
  message Request { string file_by_filename = 3; string file_containing_symbol = 4; }
  message Files { repeated bytes file_descriptor_proto = 1; }
  message Answer { Files file_descriptor_response = 4; }`).root.nested as Record<string, protobuf.Type>;

interface File {
  name: string;
  package: string;
  dependency: string[];
  messageType: { name: string }[];
  service: { name: string; method: { inputType: string; outputType: string }[] }[];
}
const FileDescriptor = (descriptor as unknown as { FileDescriptorProto: { decode(bytes: Uint8Array): File } })
  .FileDescriptorProto;

describe('reflection', () => {
  let echo: EchoServer;
  afterEach(() => echo.close());

  const asked = async (question: object): Promise<File[]> => {
    const stream = echo.client().makeBidiStreamRequest(ASK, asIs, asIs);
    stream.end(Buffer.from((Request as protobuf.Type).encode(question).finish()));
    const found: File[] = [];
    for await (const bytes of stream) {
      const answer = (Answer as protobuf.Type).decode(bytes as Buffer) as unknown as {
        fileDescriptorResponse?: { fileDescriptorProto: Uint8Array[] };
      };
      for (const file of answer.fileDescriptorResponse?.fileDescriptorProto ?? [])
        found.push(FileDescriptor.decode(file));
    }
    return found;
  };

  it.each(['inference.GRPCInferenceService', 'gyre.v1.FeatureStore', 'gyre.v1.Explainer'])(
    'tells of %s all that a call of it needs, as grpcurl asks for it: the file, then those that this one names',
    async (service) => {
      echo = await EchoServer.started();
      addReflection(loadSync(FILES, { includeDirs: [PROTO], keepCase: true }), echo.server);
      const files = await asked({ fileContainingSymbol: service });
      for (const name of files.flatMap(({ dependency }) => dependency))
        files.push(...(await asked({ fileByFilename: name })));
      const messages = files.flatMap((file) => file.messageType.map(({ name }) => `.${file.package}.${name}`));
      const methods = files.flatMap((file) => file.service.flatMap(({ method }) => method));
      expect(methods.length).toBeGreaterThan(0);
      for (const { inputType, outputType } of methods)
        expect(messages).toEqual(expect.arrayContaining([inputType, outputType]));
    },
  );
});

import { ReflectionService } from '@grpc/reflection';
import type { PackageDefinition } from '@grpc/proto-loader';
import descriptor from 'protobufjs/ext/descriptor/index.js';
import type { GrpcServer } from './grpc/grpc-server.js';

interface Message {
  field: { name: string; typeName?: string }[];
  nestedType?: (Message & { name: string; options?: { mapEntry?: boolean } })[];
}
interface File {
  messageType: Message[];
}
const FileDescriptor = (
  descriptor as unknown as {
    FileDescriptorProto: { decode(bytes: Uint8Array): File; encode(file: File): { finish(): Uint8Array } };
  }
).FileDescriptorProto;

/** Mounts gRPC reflection beside the services, so that `grpcurl` needs no files of ours. Nobody who asks it is authenticated. */
export function addReflection(definitions: PackageDefinition, server: GrpcServer): void {
  new ReflectionService(reflectable(definitions)).addToServer(server.open);
}

/**
 * The definitions as reflection may show them. protobufjs names the entry type of a map field `Field`; the language wants `FieldEntry`, and
 * protobuf-go, thus grpcurl, refuses a file that has it otherwise (fullstorydev/grpcurl#519).
 */
function reflectable(definitions: PackageDefinition): PackageDefinition {
  const mended = new Map<string, Buffer>();
  const mend = (bytes: Buffer): Buffer => {
    const key = bytes.toString('latin1');
    const known = mended.get(key) ?? mendedFile(bytes);
    mended.set(key, known);
    return known;
  };
  const entries = Object.entries(definitions).map(([name, definition]) => {
    if (!('fileDescriptorProtos' in definition)) return [name, definition];
    const files = (definition as { fileDescriptorProtos: Buffer[] }).fileDescriptorProtos;
    return [name, { ...definition, fileDescriptorProtos: files.map(mend) }];
  });
  return Object.fromEntries(entries) as PackageDefinition;
}

function mendedFile(bytes: Uint8Array): Buffer {
  const file = FileDescriptor.decode(bytes);
  for (const message of file.messageType) mendEntries(message);
  return Buffer.from(FileDescriptor.encode(file).finish());
}

function mendEntries(message: Message): void {
  for (const entry of message.nestedType ?? []) {
    mendEntries(entry);
    const field = message.field.find(({ typeName }) => typeName === entry.name);
    if (entry.options?.mapEntry !== true || field === undefined) continue;
    // By the language's rule: the field's name in CamelCase, and Entry.
    entry.name = `${field.name.replace(/(^|_)([a-z0-9])/g, (_, __, first: string) => first.toUpperCase())}Entry`;
    field.typeName = entry.name;
  }
}

import { ReflectionService } from '@grpc/reflection';
import type { PackageDefinition } from '@grpc/proto-loader';
import descriptor from 'protobufjs/ext/descriptor/index.js';
import type { GrpcServer } from './grpc/grpc-server.js';

interface Message {
  field: { name: string; typeName?: string }[];
  nestedType?: (Message & { name: string; options?: { mapEntry?: boolean } })[];
}
interface File {
  name: string;
  package: string;
  dependency: string[];
  messageType: Message[];
  service: { method: { inputType: string; outputType: string }[] }[];
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
 * protobuf-go, thus grpcurl, refuses a file that has it otherwise (fullstorydev/grpcurl#519). It writes a file for each package, and leaves out that
 * a service's file needs those of its methods' messages.
 */
function reflectable(definitions: PackageDefinition): PackageDefinition {
  const files = new Map<string, File>();
  for (const bytes of Object.values(definitions).flatMap(filesOf))
    files.set(bytes.toString('latin1'), FileDescriptor.decode(bytes));
  const mended = new Map<string, Buffer>();
  for (const [key, file] of files) {
    for (const message of file.messageType) mendEntries(message);
    const needed = [...files.values()].filter((other) => other !== file && asksFor(file, other.package));
    file.dependency = [...new Set([...file.dependency, ...needed.map(({ name }) => name)])];
    mended.set(key, Buffer.from(FileDescriptor.encode(file).finish()));
  }
  const entries = Object.entries(definitions).map(([name, definition]) => {
    if (!('fileDescriptorProtos' in definition)) return [name, definition];
    const fileDescriptorProtos = filesOf(definition).map((bytes) => mended.get(bytes.toString('latin1')));
    return [name, { ...definition, fileDescriptorProtos }];
  });
  return Object.fromEntries(entries) as PackageDefinition;
}

function filesOf(definition: object): Buffer[] {
  return 'fileDescriptorProtos' in definition ? (definition.fileDescriptorProtos as Buffer[]) : [];
}

/** Whether a method takes or gives a message of a package. */
function asksFor(file: File, name: string): boolean {
  const types = file.service.flatMap(({ method }) => method.flatMap((one) => [one.inputType, one.outputType]));
  return types.some((type) => type.startsWith(`.${name}.`) && !type.slice(name.length + 2).includes('.'));
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

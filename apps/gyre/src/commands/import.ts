import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from 'commander';
import type { Imported, TensorSignature, VersionInfo } from '@gyre/contracts';
import type { ApiClient } from '../api-client.js';
import { invocation, remote } from '../command.js';
import { CallFailed, UsageError } from '../failures.js';
import { printJson, table } from '../output.js';
import { harmless, type Terminal } from '../terminal.js';
import { notKnownYet } from '../unconfirmed.js';

export const importModel = (terminal: Terminal): Command =>
  remote('import', 'serve an ONNX file: with no feature view, and no training')
    .argument('<model>', 'its name; that of an imported model gets a new version')
    .argument('<file>', 'an ONNX file')
    .action(async (model: string, path: string, _options, command: Command) => {
      const { api, json } = invocation(command, terminal);
      const imported = await api.importModel(model, await read(path), basename(path));
      const { version } = await registered(api, imported);
      if (json) printJson(terminal, { ...imported, version });
      else terminal.write(harmless(shown(imported, version) + notKnownYet(imported)));
    });

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${(error as Error).message}`);
  }
}

const ASKED_EVERY_MS = 50;
const PATIENCE_MS = 30_000;

/** The registry numbers versions in the order of the log: soon after it has accepted the file. */
async function registered(api: ApiClient, { model, onnx }: Imported): Promise<VersionInfo> {
  for (const begun = Date.now(); Date.now() - begun < PATIENCE_MS;) {
    const version = await api.versions(model).then(
      (all) => all.find(({ candidate, role }) => candidate.onnx === onnx && role === 'champion'),
      (error: unknown) => {
        if (error instanceof CallFailed && error.code !== 'INTERNAL') return undefined;
        throw error;
      },
    );
    if (version !== undefined) return version;
    await new Promise((resolve) => setTimeout(resolve, ASKED_EVERY_MS));
  }
  throw new CallFailed(
    503,
    'NOT_READY',
    `the file was accepted, but no version of ${model} serves it after ${PATIENCE_MS / 1_000} s; \`gyre timeline ${model}\` tells more`,
    {},
  );
}

function shown({ model, inputs, outputs, classes, cut }: Imported, version: number): string {
  const row =
    (role: string) =>
    ({ name, datatype, shape }: TensorSignature): string[] => [
      role,
      name,
      `${datatype} [${shape.map((size) => (size === -1 ? 'N' : size)).join(', ')}]`,
    ];
  const tensors = table(['', 'name', 'tensor'], [...inputs.map(row('input')), ...outputs.map(row('output'))]);
  const labels = classes.length === 0 ? '' : `Its classes are ${classes.join(', ')}.\n`;
  const zipped = cut.length === 0 ? '' : `${cut.join(', ')} came as maps and is a matrix of probabilities now.\n`;
  return `Version ${version} of ${model} serves.\n${tensors}${labels}${zipped}`;
}

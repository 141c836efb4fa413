import type { Command } from 'commander';
import type { Reproduced } from '@gyre/contracts';
import { versionArgument } from '../arguments.js';
import { invocation, remote } from '../command.js';
import { Told } from '../failures.js';
import { printJson } from '../output.js';
import { harmless, type Terminal } from '../terminal.js';

export const reproduce = (terminal: Terminal): Command =>
  remote('reproduce', 'train a version again from its manifest, and say whether the same bytes come out')
    .argument('<model>')
    .argument('<version>', 'such as 3', versionArgument)
    .action(async (model: string, version: number, _options, command: Command) => {
      const { api, json } = invocation(command, terminal);
      const answer = await api.reproduce(model, version);
      if (json) printJson(terminal, answer);
      else terminal.write(`${harmless(words(answer))}\n`);
      if (!answer.same) throw new Told('the bytes differ');
    });

function words({ model, version, same, onnx, sameManifest, otherSoftware }: Reproduced): string {
  const what = `Version ${version} of ${model}, trained again from its manifest,`;
  const software = otherSoftware.map(({ name, then, now }) => `${name} ${now} (then ${then})`).join(', ');
  const by = software === '' ? '' : ` The software is another: ${software}.`;
  if (!same) {
    const why = software === '' ? ' The software is the same, so this should not be: look at the training set.' : by;
    return `${what} is another file: sha-256 ${onnx.again} instead of ${onnx.registered}.${why}`;
  }
  const measured = sameManifest ? '' : ' What was measured of it differs, though.';
  return `${what} is the same file, byte for byte: sha-256 ${onnx.again}.${measured}${by}`;
}

import type { Command } from 'commander';
import { invocation, remote } from '../command.js';
import { CallFailed } from '../failures.js';
import { printJson } from '../output.js';
import { modelYaml, viewYaml } from '../spec-yaml.js';
import { harmless, type Terminal } from '../terminal.js';

export const describeSpec = (terminal: Terminal): Command =>
  remote('describe', 'show the whole spec of a model or feature view in force, defaults filled in, as YAML')
    .argument('<name>', 'a model or a feature view')
    .action(async (name: string, _options, command: Command) => {
      const { api, json } = invocation(command, terminal);
      const { models, views } = await api.specs();
      const model = models.find((m) => m.name === name);
      const view = views.find((v) => v.name === name);
      if (model === undefined && view === undefined) {
        const there = [...models, ...views].map((spec) => spec.name);
        const advice =
          there.length === 0
            ? 'none has been applied; apply some with `gyre apply -f SPEC.yaml`'
            : `there are: ${there.join(', ')}`;
        throw new CallFailed(404, 'SPEC_NOT_FOUND', `no model or feature view named "${name}"; ${advice}`, {});
      }
      const found = [...(view === undefined ? [] : [view]), ...(model === undefined ? [] : [model])];
      if (json) printJson(terminal, found.length === 1 ? found[0] : found);
      else
        terminal.write(
          harmless(
            [...(view === undefined ? [] : [viewYaml(view)]), ...(model === undefined ? [] : [modelYaml(model)])].join(
              '---\n',
            ),
          ),
        );
    });

import { Argument, type Command } from 'commander';
import { formatDuration, type FeatureViewSpec, type ModelStatus, type SpecsInForce } from '@gyre/contracts';
import { invocation, remote } from '../command.js';
import { instant, printJson, table } from '../output.js';
import type { Terminal } from '../terminal.js';

export const get = (terminal: Terminal): Command =>
  remote('get', 'list models, feature views or specs')
    .addArgument(new Argument('[kind]', 'what to list').choices(['models', 'views', 'specs']).default('models'))
    .action(async (kind: string, _options, command: Command) => {
      const { api, json } = invocation(command, terminal);
      if (kind === 'models') {
        const models = await api.models();
        if (json) printJson(terminal, models);
        else terminal.write(modelTable(models));
        return;
      }
      const specs = await api.specs();
      if (json) printJson(terminal, kind === 'views' ? specs.views : specs);
      else terminal.write(kind === 'views' ? viewTable(specs.views) : specTable(specs));
    });

function modelTable(models: readonly ModelStatus[]): string {
  const rows = models.map((m) => [
    m.model,
    m.type,
    m.phase,
    m.champion === null ? 'fallback' : `v${m.champion}`,
    m.challengers.map((v) => `v${v}`).join(' '),
    String(m.versions),
    String(m.promotions),
    String(m.rollbacks),
    m.latest === null ? '' : `${instant(m.latest.occurredAt)} ${m.latest.type}`,
  ]);
  const head = ['model', 'type', 'phase', 'champion', 'challengers', 'versions', 'promotions', 'rollbacks', 'latest'];
  return table(head, rows, { right: [5, 6, 7] });
}

function viewTable(views: readonly FeatureViewSpec[]): string {
  const rows = views.map((view) => [
    view.name,
    view.entity,
    Object.entries(view.fields)
      .map(([name, field]) => `${name}:${field.type}${field.private ? ' (private)' : ''}`)
      .join(' '),
    view.ttl === undefined ? 'never' : formatDuration(view.ttl),
  ]);
  return table(['view', 'entity', 'fields', 'stale after'], rows, { wrap: { 2: 70 } });
}

function specTable({ views, models }: SpecsInForce): string {
  const rows = [
    ...views.map((v) => ['FeatureView', v.name, v.description ?? '']),
    ...models.map((m) => ['Model', m.name, m.description ?? '']),
  ];
  return table(['kind', 'name', 'description'], rows, { wrap: { 2: 70 } });
}

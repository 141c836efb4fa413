import {
  GyreError,
  OnlineFeatures,
  type FeatureViewSpec,
  type ModelInForce,
  type ModelInput,
  type OnlineRequest,
  type OnlineRow,
} from '@gyre/contracts';
import { readStatus, rulesOf, type FieldRules } from '@gyre/features';
import type { Platform } from '@gyre/platform';
import { online, onlineKey, type OnlineState } from './online.js';

/** The specs in force, each by its name. */
export interface SpecsByName {
  view(name: string): FeatureViewSpec | undefined;
  model(name: string): ModelInForce | undefined;
}

interface Column {
  view: string;
  field: string;
  rules: FieldRules;
  ttl: number | undefined;
}

/** The online store, read where it lies: one look-up of the platform's states for all entities and views of a request. */
export class OnlineReader extends OnlineFeatures {
  constructor(
    private readonly platform: Platform,
    private readonly specs: SpecsByName,
  ) {
    super();
  }

  override async get({ inputs, entities, at }: OnlineRequest): Promise<OnlineRow[]> {
    if (typeof at !== 'number' && at.length !== entities.length)
      throw new GyreError('BAD_REQUEST', `${at.length} times for ${entities.length} entities; expected one for each`);
    const columns = inputs.map((input) => this.column(input));
    const views = [...new Set(inputs.map(({ view }) => view))];
    const keys = entities.flatMap((entity) => views.map((view) => onlineKey(view, entity)));
    const states = await this.platform.states<OnlineState>(online, keys).catch(unavailable);
    return entities.map((entity, i) =>
      rowOf(
        entity,
        columns,
        typeof at === 'number' ? at : (at[i] as number),
        new Map(views.map((view) => [view, states.get(onlineKey(view, entity))])),
      ),
    );
  }

  private column({ view, field }: ModelInput): Column {
    const spec = this.specs.view(view);
    if (spec === undefined)
      throw new GyreError(
        'VIEW_NOT_FOUND',
        `no feature view named "${view}"; apply it with \`gyre apply -f SPEC.yaml\``,
        { view },
      );
    const rules = rulesOf(spec, field);
    if (rules !== undefined && !rules.private) return { view, field, rules, ttl: spec.ttl };
    const there = Object.keys(spec.fields).filter((name) => spec.fields[name]?.private === false);
    throw new GyreError(
      'FEATURES_MISMATCHED',
      `the view "${view}" serves no field "${field}"; there are: ${there.join(', ')}`,
      { view, field },
    );
  }
}

/** For a prediction there is a fallback where features cannot be had, whichever server is away. */
function unavailable(error: unknown): never {
  if (error instanceof GyreError && error.code === 'PLATFORM_UNAVAILABLE')
    throw new GyreError('FEATURES_UNAVAILABLE', error.message);
  throw error;
}

function rowOf(
  entity: string,
  columns: readonly Column[],
  at: number,
  states: ReadonlyMap<string, OnlineState | undefined>,
): OnlineRow {
  const row: OnlineRow = { entity, values: [], status: [], ageMs: [], seen: {} };
  for (const [view, state] of states) row.seen[view] = state?.revision ?? 0;
  for (const { view, field, rules, ttl } of columns) {
    const fields = states.get(view)?.fields;
    const held = fields !== undefined && Object.hasOwn(fields, field) ? fields[field] : undefined;
    const reading = readStatus(held, rules, ttl, at);
    row.values.push(reading.value);
    row.status.push(reading.status);
    row.ageMs.push(reading.ageMs);
  }
  return row;
}

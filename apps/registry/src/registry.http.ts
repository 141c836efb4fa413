import { Body, Controller, Get, Header, Headers, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import {
  GyreError,
  Lifecycle,
  topics,
  type AppliedSpecs,
  type CommandAccepted,
  type FeatureViewSpec,
  type Imported,
  type ModelInForce,
  type ModelStatus,
  type Served,
  type SpecsInForce,
  type TimelineEntry,
  type VersionInfo,
} from '@gyre/contracts';
import {
  Caller,
  CallerIdentity,
  Catalog,
  JsonBody,
  KnownEverywhere,
  Needs,
  utf8Text,
  type Identity,
} from '@gyre/hosting';
import { Platform } from '@gyre/platform';
import { z } from 'zod';
import { importModel } from './import-model.js';
import { keep } from './keep.js';
import { canaryOf, versionOf, type ModelRecord } from './model-record.js';
import { servedAt } from './served-at.js';
import { applySpecs } from './specs.js';
import { TimelinePages } from './timeline-pages.js';

const Why = z.strictObject({ reason: z.string().min(1).max(1_000).default('no reason was given') });
const Promotion = Why.extend({ version: z.int().positive() });

@Controller('v1')
@Needs('viewer')
export class RegistryController {
  constructor(
    @Inject(Platform) private readonly platform: Platform,
    @Inject(Catalog) private readonly catalog: Catalog,
    @Inject(KnownEverywhere) private readonly everywhere: KnownEverywhere,
    @Inject(TimelinePages) private readonly pages: TimelinePages,
  ) {}

  @Post('specs')
  @HttpCode(200)
  async apply(
    @Body() body: Buffer | undefined,
    @Headers('x-file-name') file: string | undefined,
    @CallerIdentity() caller: Identity,
  ): Promise<AppliedSpecs> {
    const name = file ?? 'body';
    const text = utf8Text(body ?? Buffer.alloc(0), name, 'SPEC_INVALID');
    const { events, answer } = applySpecs(text, name, this.catalog, caller.name, Date.now());
    // Who administers some models may apply a file that leaves everything else as it is.
    for (const { kind, name, changed } of answer.applied)
      if (changed) caller.require(['admin'], kind === 'Model' ? name : undefined);
    await this.platform.append(topics.lifecycle, events);
    // What is sent after the answer is to be judged by these specs.
    const unconfirmed = await this.everywhere.known();
    return unconfirmed.length === 0 ? answer : { ...answer, unconfirmed };
  }

  @Get('specs')
  specs(): SpecsInForce {
    return { views: this.catalog.allViews(), models: this.catalog.allModels() };
  }

  @Get('specs/views/:name')
  view(@Param('name') name: string): FeatureViewSpec {
    const view = this.catalog.view(name);
    if (view !== undefined) return view;
    throw new GyreError(
      'VIEW_NOT_FOUND',
      `no view named "${name}"; there are: ${
        this.catalog
          .allViews()
          .map((one) => one.name)
          .join(', ') || 'none yet'
      }`,
    );
  }

  @Get('specs/models/:name')
  model(@Param('name') name: string): ModelInForce {
    return this.catalog.requireModel(name);
  }

  @Get('models')
  async models(): Promise<ModelStatus[]> {
    const names = this.catalog.allModels().map(({ name }) => name);
    const records = await this.platform.states<ModelRecord>(keep, names);
    return names.flatMap((name) => {
      const record = records.get(name);
      return record === undefined ? [] : [statusOf(record)];
    });
  }

  @Get('models/:model')
  async status(@Param('model') model: string): Promise<ModelStatus> {
    return statusOf(await this.record(model));
  }

  @Get('models/:model/versions')
  async versions(@Param('model') model: string): Promise<VersionInfo[]> {
    const record = await this.record(model);
    return record.versions.map((one) => ({ ...one, role: roleOf(record, one.version) })).reverse();
  }

  @Get('models/:model/timeline')
  async timeline(
    @Param('model') model: string,
    @Query('limit') limit = '100',
    @Query('before') before?: string,
    @Query('types') types?: string,
  ): Promise<TimelineEntry[]> {
    const wanted = types === undefined ? null : typesOf(types);
    const end = before === undefined ? Infinity : wholeNumber('before', before, 0);
    const most = Math.min(10_000, wholeNumber('limit', limit, 1));
    const decisions = await this.pages.newest(model, most, end, wanted);
    if (decisions.length === 0) this.catalog.requireModel(model);
    return decisions.map(({ offset, event }) => {
      const { type, occurredAt, actor, reason } = event;
      return { offset, type, occurredAt, actor, reason, event };
    });
  }

  @Get('models/:model/served')
  async served(@Param('model') model: string, @Query('at') at?: string): Promise<Served> {
    this.catalog.requireModel(model);
    const moment = at === undefined ? Date.now() : Date.parse(at);
    if (Number.isNaN(moment))
      throw new GyreError('BAD_REQUEST', `at=${at} is no time; write it like 2026-11-22T14:05:00Z`);
    return servedAt(this.platform.read(topics.lifecycle, { key: model }), moment);
  }

  @Needs('operator')
  @Get('artifacts/:sha256')
  @Header('content-type', 'application/octet-stream')
  async artifact(@Param('sha256') sha256: string): Promise<Buffer> {
    if (!/^[0-9a-f]{64}$/.test(sha256))
      throw new GyreError('BAD_REQUEST', 'an artifact is named by the 64 hexadecimal digits of its sha-256');
    return Buffer.from(await this.platform.artifacts.get(sha256));
  }

  @Needs('admin')
  @Post('models/:model/import')
  @HttpCode(202)
  async import(
    @Param('model') model: string,
    @Body() body: Buffer | undefined,
    @Headers('x-file-name') file: string | undefined,
    @Caller() actor: string,
  ): Promise<Imported> {
    if (body === undefined || body.length === 0)
      throw new GyreError('BAD_REQUEST', 'the body is empty; expected an ONNX file');
    const { events, answer } = await importModel(
      model,
      { name: fileName(file), bytes: new Uint8Array(body) },
      this.catalog.model(model),
      this.platform.artifacts,
      { actor, at: Date.now() },
    );
    await this.platform.append(topics.lifecycle, events);
    // Who is sent a prediction of it afterwards is to know it.
    const unconfirmed = await this.everywhere.known();
    return unconfirmed.length === 0 ? answer : { ...answer, unconfirmed };
  }

  @Needs('operator')
  @Post('models/:model/promote')
  @HttpCode(202)
  async promote(
    @Param('model') model: string,
    @Body(new JsonBody(Promotion)) { version, reason }: z.infer<typeof Promotion>,
    @Caller() actor: string,
  ): Promise<CommandAccepted> {
    const record = await this.record(model);
    if (versionOf(record, version) === undefined) {
      throw new GyreError(
        'VERSION_NOT_FOUND',
        `model "${model}" has no version ${version}; \`gyre versions ${model}\` lists those that passed their gates`,
      );
    }
    if (record.champion === version)
      throw new GyreError('COMMAND_REFUSED', `version ${version} of model "${model}" serves already`);
    await this.command({ type: 'PromoteCommanded', version, model, occurredAt: Date.now(), actor, reason });
    return { accepted: true, message: `version ${version} will serve; \`gyre timeline ${model}\` shows when it does` };
  }

  @Needs('operator')
  @Post('models/:model/rollback')
  @HttpCode(202)
  async rollback(
    @Param('model') model: string,
    @Body(new JsonBody(Why)) { reason }: z.infer<typeof Why>,
    @Caller() actor: string,
  ): Promise<CommandAccepted> {
    const { champion, previous } = await this.record(model);
    if (champion === null || previous === null)
      throw new GyreError(
        'COMMAND_REFUSED',
        `model "${model}" has no previous version to go back to; promote one with \`gyre promote\``,
      );
    await this.command({ type: 'RollbackCommanded', version: champion, model, occurredAt: Date.now(), actor, reason });
    return {
      accepted: true,
      message: `version ${previous} will serve again; \`gyre timeline ${model}\` shows when it does`,
    };
  }

  private async command(event: Lifecycle): Promise<void> {
    await this.platform.append(topics.lifecycle, [event]);
  }

  private async record(model: string): Promise<ModelRecord> {
    this.catalog.requireModel(model);
    const record = (await this.platform.states<ModelRecord>(keep, [model])).get(model);
    if (record === undefined)
      throw new GyreError(
        'NOT_READY',
        `model "${model}" was applied a moment ago and is not registered yet; ask again`,
      );
    return record;
  }
}

/** Names travel percent-encoded: a header holds ASCII alone. */
function fileName(header = 'a file'): string {
  try {
    return decodeURIComponent(header);
  } catch {
    return header;
  }
}

function statusOf(record: ModelRecord): ModelStatus {
  const { spec, champion, previous, rollout, promotions, rollbacks, latest } = record;
  const challengers = (rollout?.challengers ?? [])
    .filter(({ role }) => role === 'challenger')
    .map(({ version }) => version);
  const baking = rollout?.challengers.some(({ role }) => role === 'previous') ?? false;
  const phase =
    champion === null
      ? 'waiting'
      : canaryOf(record) !== undefined
        ? 'canary'
        : challengers.length > 0
          ? 'shadow'
          : baking
            ? 'bake'
            : 'serving';
  return {
    model: spec.name,
    type: spec.label.type,
    phase,
    champion,
    previous,
    challengers,
    rollout: rollout?.name ?? null,
    versions: record.nextVersion - 1,
    promotions,
    rollbacks,
    latest,
  };
}

function roleOf(record: ModelRecord, version: number): VersionInfo['role'] {
  if (version === record.champion) return 'champion';
  if (version === record.previous) return 'previous';
  const running = record.rollout?.challengers.find((one) => one.version === version);
  return running === undefined ? 'archived' : running.role === 'canary' ? 'canary' : 'challenger';
}

function typesOf(text: string): ReadonlySet<string> {
  const known = Lifecycle.options.map(({ shape }): string => shape.type.value);
  const types = text.split(',');
  const unknown = types.find((type) => !known.includes(type));
  if (unknown === undefined) return new Set(types);
  throw new GyreError('BAD_REQUEST', `types=${text}: no decision is a "${unknown}"; there are: ${known.join(', ')}`);
}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new GyreError('BAD_REQUEST', `${name}=${text} is not a whole number of ${least} or more`);
}

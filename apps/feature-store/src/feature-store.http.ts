import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { GyreError, OnlineFeatures, type FeatureStatus, type FeatureValue } from '@gyre/contracts';
import { Catalog, Needs } from '@gyre/hosting';
import { z } from 'zod';

/** GET /v1/features/:view/:entity?at=2026-11-22T14:05:00Z */
export interface EntityFeatures {
  view: string;
  entity: string;
  /** Ages and times to live are measured from it; UTC milliseconds. */
  at: number;
  /** 0: the entity was never seen. */
  revision: number;
  features: Record<string, { value: FeatureValue; status: FeatureStatus; ageMs: number | null }>;
}

const Moment = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

@Controller('v1/features')
export class FeaturesController {
  constructor(
    @Inject(OnlineFeatures) private readonly online: OnlineFeatures,
    @Inject(Catalog) private readonly catalog: Pick<Catalog, 'view'>,
  ) {}

  @Needs('viewer')
  @Get(':view/:entity')
  async features(
    @Param('view') view: string,
    @Param('entity') entity: string,
    @Query('at') time?: string,
  ): Promise<EntityFeatures> {
    const at = time === undefined ? Date.now() : momentOf(time);
    const spec = this.catalog.view(view);
    if (spec === undefined)
      throw new GyreError('VIEW_NOT_FOUND', `no feature view named "${view}"; \`gyre get views\` lists them`, { view });
    const fields = Object.keys(spec.fields).filter((field) => spec.fields[field]?.private === false);
    const [row] = await this.online.get({ inputs: fields.map((field) => ({ view, field })), entities: [entity], at });
    const readings = fields.map((field, i) => {
      const reading = {
        value: row?.values[i] ?? null,
        status: row?.status[i] ?? ('missing' as const),
        ageMs: row?.ageMs[i] ?? null,
      };
      return [field, reading] as const;
    });
    return { view, entity, at, revision: row?.seen[view] ?? 0, features: Object.fromEntries(readings) };
  }
}

function momentOf(text: string): number {
  const parsed = Moment.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new GyreError('BAD_REQUEST', `at is "${text}"; write a date and time such as 2026-11-22T14:05:00Z`);
}

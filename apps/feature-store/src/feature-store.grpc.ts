import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import {
  OnlineFeatures,
  PastPredictions,
  type FeatureStatus,
  type FeatureValue,
  type OnlineRow,
  type PastPrediction,
  type PastPredictionMessage,
} from '@gyre/contracts';
import { Needs } from '@gyre/hosting';

/** proto/gyre/v1/feature_store.proto, as the loader gives it: names as in the file, int64 as numbers, what is absent undefined. */
export interface GetOnlineFeaturesRequest {
  features?: { view: string; field: string }[];
  entities?: string[];
  at_ms?: number;
  each_at_ms?: number[];
}
export interface GetOnlineFeaturesResponse {
  rows: { entity: string; readings: FeatureReading[]; seen: Record<string, number> }[];
}
interface FeatureReading {
  number?: number;
  text?: string;
  flag?: boolean;
  status: number;
  age_ms?: number;
}

const STATUS: Record<FeatureStatus, number> = { present: 1, missing: 2, stale: 3, outOfRange: 4 };

@Controller()
export class FeatureStoreGrpc {
  constructor(
    @Inject(OnlineFeatures) private readonly online: OnlineFeatures,
    @Inject(PastPredictions) private readonly past: PastPredictions,
  ) {}

  @Needs('viewer', 'predictor')
  @GrpcMethod('FeatureStore', 'GetPastPredictions')
  async getPastPredictions({
    id = '',
    model = '',
    limit = 0,
  }: {
    id?: string;
    model?: string;
    limit?: number;
  }): Promise<{ predictions: PastPredictionMessage[] }> {
    if (id === '') return { predictions: (await this.past.recent(model, limit)).map(messageOf) };
    const found = await this.past.find(id);
    return { predictions: found === null ? [] : [messageOf(found)] };
  }

  @Needs('viewer', 'predictor')
  @GrpcMethod('FeatureStore', 'GetOnlineFeatures')
  async getOnlineFeatures({
    features = [],
    entities = [],
    at_ms,
    each_at_ms = [],
  }: GetOnlineFeaturesRequest): Promise<GetOnlineFeaturesResponse> {
    const at = each_at_ms.length > 0 ? each_at_ms : (at_ms ?? Date.now());
    const rows = await this.online.get({ inputs: features, entities, at });
    return { rows: rows.map((row) => ({ entity: row.entity, readings: readingsOf(row), seen: row.seen })) };
  }
}

function readingsOf({ values, status, ageMs }: OnlineRow): FeatureReading[] {
  return values.map((value, i) => {
    const age = ageMs[i] ?? null;
    return { ...valueOf(value), status: STATUS[status[i] ?? 'missing'], ...(age === null ? {} : { age_ms: age }) };
  });
}

function valueOf(value: FeatureValue): Pick<FeatureReading, 'number' | 'text' | 'flag'> {
  if (value === null) return {};
  if (typeof value === 'number') return { number: value };
  return typeof value === 'string' ? { text: value } : { flag: value };
}

function messageOf({ id, model, predictedAt, entity, version, features }: PastPrediction): PastPredictionMessage {
  return {
    id,
    model,
    predicted_at_ms: predictedAt,
    features: features.map((value) => value ?? NaN),
    ...(entity === null ? {} : { entity }),
    ...(version === null ? {} : { version }),
  };
}

import { fileURLToPath } from 'node:url';
import {
  Client,
  credentials,
  type ChannelCredentials,
  loadPackageDefinition,
  Metadata,
  status,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import {
  errors,
  GyreError,
  OnlineFeatures,
  type ErrorCode,
  type FeatureStatus,
  type FeatureValue,
  type OnlineRequest,
  type OnlineRow,
  type PastPrediction,
  type PastPredictionMessage,
} from '@gyre/contracts';
import type { PastInTime } from './explain.js';

const PROTO = fileURLToPath(new URL('../../../proto/gyre/v1/feature_store.proto', import.meta.url));
const STATUS: Record<string, FeatureStatus> = {
  FEATURE_STATUS_PRESENT: 'present',
  FEATURE_STATUS_MISSING: 'missing',
  FEATURE_STATUS_STALE: 'stale',
  FEATURE_STATUS_OUT_OF_RANGE: 'outOfRange',
};

/** proto/gyre/v1/feature_store.proto, as the loader gives it. */
interface Reading {
  /** Which of the three is there; absent where none is. */
  value?: 'number' | 'text' | 'flag';
  number?: number;
  text?: string;
  flag?: boolean;
  status: string;
  age_ms?: number;
}
interface Response {
  rows: { entity: string; readings: Reading[]; seen: Record<string, number> }[];
}
interface PastResponse {
  predictions: PastPredictionMessage[];
}
type Method<R> = (
  request: object,
  metadata: Metadata,
  options: { deadline: number },
  done: (error: ServiceError | null, response?: R) => void,
) => unknown;
interface FeatureStoreClient extends Client {
  GetOnlineFeatures: Method<Response>;
  GetPastPredictions: Method<PastResponse>;
}

/** The feature store in another process. It is told until when its answer is of use. */
export class RemoteFeatures extends OnlineFeatures {
  private readonly client: FeatureStoreClient;
  private readonly metadata = new Metadata();

  /**
   * @param address such as `feature-store:8081`; where the name has several addresses, calls go round them
   * @param token shown with each call
   * @param tls PEM; without, in the clear
   */
  constructor(
    private readonly address: string,
    token: string | undefined,
    tls?: { ca?: Buffer; cert?: Buffer; key?: Buffer },
  ) {
    super();
    if (token !== undefined) this.metadata.set('authorization', `Bearer ${token}`);
    const definition = loadSync(PROTO, { keepCase: true, longs: Number, enums: String, arrays: true, oneofs: true });
    const { FeatureStore } = (
      loadPackageDefinition(definition) as unknown as {
        gyre: { v1: { FeatureStore: new (...given: ConstructorParameters<typeof Client>) => FeatureStoreClient } };
      }
    ).gyre.v1;
    this.client = new FeatureStore(address, channelCredentials(tls), {
      'grpc.enable_channelz': 0,
      'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
      // A store that comes back is noticed within a second.
      'grpc.max_reconnect_backoff_ms': 1_000,
    });
  }

  override async get({ inputs, entities, at, deadlineAt = Infinity }: OnlineRequest): Promise<OnlineRow[]> {
    const features = inputs.map(({ view, field }) => ({ view, field }));
    const times = typeof at === 'number' ? { at_ms: at } : { each_at_ms: at };
    const { rows } = await this.call<Response>(
      (...given) => this.client.GetOnlineFeatures(...given),
      { features, entities, ...times },
      deadlineAt,
      'FEATURES_UNAVAILABLE',
    );
    return rows.map(({ entity, readings, seen }) => ({
      entity,
      values: readings.map(valueOf),
      status: readings.map((reading) => STATUS[reading.status] ?? 'missing'),
      ageMs: readings.map(({ age_ms }) => age_ms ?? null),
      seen,
    }));
  }

  /** What was predicted, as the store has it. */
  readonly past: PastInTime = {
    find: async (id, deadlineAt) => (await this.predictions({ id }, deadlineAt))[0] ?? null,
    recent: (model, limit, deadlineAt) => this.predictions({ model, limit }, deadlineAt),
  };

  private async predictions(request: object, deadlineAt: number): Promise<PastPrediction[]> {
    const { predictions } = await this.call<PastResponse>(
      (...given) => this.client.GetPastPredictions(...given),
      request,
      deadlineAt,
      'DEADLINE_EXCEEDED',
    );
    return predictions.map(({ id, model, predicted_at_ms, entity, version, features }) => ({
      id,
      model,
      predictedAt: predicted_at_ms,
      entity: entity ?? null,
      version: version ?? null,
      features: features.map((value) => (Number.isNaN(value) ? null : value)),
    }));
  }

  close(): void {
    this.client.close();
  }

  /** @param late the code of a call that takes too long */
  private call<R>(method: Method<R>, request: object, deadlineAt: number, late: ErrorCode): Promise<R> {
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    method(request, this.metadata, { deadline: deadlineAt }, (error, response) => {
      if (error === null) resolve(response as R);
      else reject(this.failure(error, late));
    });
    return promise;
  }

  /** What the store itself refused keeps its code; all else means that it cannot be asked now. */
  private failure({ code, details }: ServiceError, late: ErrorCode): GyreError {
    const [, own, message] = /^([A-Z_]+): (.*)$/s.exec(details) ?? [];
    if (own !== undefined && own in errors && code !== status.UNAUTHENTICATED)
      return new GyreError(own as ErrorCode, message ?? details);
    return new GyreError(
      code === status.DEADLINE_EXCEEDED ? late : 'FEATURES_UNAVAILABLE',
      `the feature store at ${this.address} could not be asked: ${status[code]}: ${details}`,
    );
  }
}

function channelCredentials(tls?: { ca?: Buffer; cert?: Buffer; key?: Buffer }): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  return credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null);
}

function valueOf({ value, ...reading }: Reading): FeatureValue {
  return value === undefined ? null : (reading[value] ?? null);
}

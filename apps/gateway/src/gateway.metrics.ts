import { GyreError } from '@gyre/contracts';
import { LogLimit, type Logger, type Metrics } from '@gyre/hosting';
import type { Admission } from './admission.js';
import type { Route } from './routing.js';
import type { PredictionLog } from './prediction-log.js';
import { TritonMetrics } from './triton-metrics.js';

/** Rows that shadows should have scored beside answers, since this process started, by what became of them. */
export interface PairCoverage {
  model: string;
  rows: { scored: number; failed: number; shed: number };
  /** The share that was scored; null where there were none. */
  coverage: number | null;
}

/** What ops teams would ask of a gateway. Children of labelled metrics are kept, for looking them up costs more than counting. */
export class GatewayMetrics {
  private readonly requests;
  private readonly failures;
  private readonly seconds;
  private readonly batchRows;
  private readonly fallbacks;
  private readonly routed;
  private readonly shadowRows;
  private readonly runFailures;
  private readonly lookUpFailures;
  private readonly loadFailures;
  private readonly lastKnown;
  private readonly covered = new Map<string, PairCoverage>();
  private readonly lines = new LogLimit();
  readonly triton: TritonMetrics;
  private readonly answeredBy = new Map<string, { inc(): void }>();

  constructor(
    private readonly metrics: Metrics,
    private readonly log: Logger,
  ) {
    this.triton = new TritonMetrics(metrics);
    this.requests = metrics.counter('gyre_gateway_requests_total', 'Inference requests that were answered, by model', [
      'model',
    ]);
    this.failures = metrics.counter('gyre_gateway_failures_total', 'Inference requests that failed, by error code', [
      'code',
    ]);
    this.seconds = metrics.histogram(
      'gyre_gateway_request_seconds',
      'From the handler taking an inference request to its answer',
      LATENCY_BUCKETS,
    );
    this.batchRows = metrics.histogram('gyre_gateway_batch_rows', 'Rows that were scored together', BATCH_BUCKETS);
    this.fallbacks = metrics.counter(
      'gyre_gateway_fallback_answers_total',
      'Answers that are not what the request was meant to get, by reason and what answered',
      ['model', 'reason', 'by'],
    );
    this.routed = metrics.counter(
      'gyre_gateway_routed_answers_total',
      'Answers that the champion did not give, by route',
      ['model', 'route'],
    );
    this.shadowRows = metrics.counter(
      'gyre_gateway_shadow_rows_total',
      'Rows that shadows should score beside an answer: scored, failed or shed; the share of scored is the coverage of pairs',
      ['model', 'result'],
    );
    this.lastKnown = metrics.counter(
      'gyre_gateway_last_known_answers_total',
      'Answers on what this gateway last knew, because the platform has been away since its start',
      ['model'],
    );
    metrics.gauge(
      'gyre_gateway_pair_coverage',
      'Of the rows that shadows should have scored since the start, the share that they have',
      ['model'],
      (gauge) => {
        for (const [model, { coverage }] of this.covered) if (coverage !== null) gauge.set({ model }, coverage);
      },
    );
    this.runFailures = metrics.counter(
      'gyre_gateway_run_failures_total',
      'Batches that a version failed to score, shadows included',
      ['model'],
    );
    this.lookUpFailures = metrics.counter(
      'gyre_gateway_feature_lookup_failures_total',
      'Look-ups of features by entity that failed',
    );
    this.loadFailures = metrics.counter('gyre_gateway_load_failures_total', 'Versions that could not be loaded', [
      'model',
    ]);
  }

  /** @param fallback why it is not what the request was meant to get, null where it is */
  answered(model: string, fallback: string | null, route: Route): void {
    let counter = this.answeredBy.get(model);
    if (counter === undefined) this.answeredBy.set(model, (counter = this.requests.labels(model)));
    counter.inc();
    if (fallback !== null) this.fallbacks.inc({ model, reason: fallback, by: route });
    if (route !== 'champion') this.routed.inc({ model, route });
  }
  shadowed(model: string, result: 'scored' | 'failed' | 'shed', rows: number): void {
    this.shadowRows.inc({ model, result }, rows);
    const before = this.pairs(model);
    const rowsNow = { ...before.rows, [result]: before.rows[result] + rows };
    const all = rowsNow.scored + rowsNow.failed + rowsNow.shed;
    this.covered.set(model, { model, rows: rowsNow, coverage: all === 0 ? null : rowsNow.scored / all });
  }

  /** How much of the pairs of a model this process has scored. */
  pairs(model: string): PairCoverage {
    return this.covered.get(model) ?? { model, rows: { scored: 0, failed: 0, shed: 0 }, coverage: null };
  }

  answeredOnLastKnown(model: string): void {
    this.lastKnown.inc({ model });
  }
  failed(error: unknown): void {
    this.failures.inc({ code: error instanceof GyreError ? error.code : 'INTERNAL' });
  }
  took(milliseconds: number): void {
    this.seconds.observe(milliseconds / 1_000);
  }
  scored(rows: number): void {
    this.batchRows.observe(rows);
  }
  runFailed(model: string, version: number, error: Error): void {
    this.runFailures.inc({ model });
    const suppressed = this.lines.due(`run ${model} ${version}`);
    if (suppressed !== null)
      this.log.error('a version failed to score a batch', { model, version, error: error.message, suppressed });
  }
  lookUpFailed(error: Error): void {
    this.lookUpFailures.inc();
    const suppressed = this.lines.due('look-up');
    if (suppressed !== null) this.log.error('features cannot be looked up', { error: error.message, suppressed });
  }
  notLoaded(model: string): void {
    this.loadFailures.inc({ model });
  }

  /** Gauges that are read at each scrape. */
  watchAdmission(admission: Pick<Admission, 'state'>): void {
    const { metrics } = this;
    metrics.gauge(
      'gyre_gateway_requests_under_way',
      'Inference requests that wait or are being scored',
      ['model'],
      (gauge) => {
        for (const { model, underWay } of admission.state()) gauge.set({ model }, underWay);
      },
    );
    metrics.gauge(
      'gyre_gateway_concurrency_limit',
      'How many may be under way at once, as was found out',
      ['model'],
      (gauge) => {
        for (const { model, limit } of admission.state()) gauge.set({ model }, limit);
      },
    );
  }

  /** Gauges that are read from the prediction log at each scrape. */
  watch(log: Pick<PredictionLog, 'backlog' | 'unlogged'>): void {
    const { metrics } = this;
    metrics.gauge('gyre_gateway_prediction_log_bytes', 'Size of the prediction log', [], (gauge) =>
      gauge.set(log.backlog().bytes),
    );
    metrics.gauge(
      'gyre_gateway_prediction_log_waiting_records',
      'Predictions of this process that wait to be shipped',
      [],
      (gauge) => gauge.set(log.backlog().records),
    );
    metrics.gauge(
      'gyre_gateway_unlogged_answers',
      'Predictions answered since the start without a record, because the log was full',
      [],
      (gauge) => gauge.set(log.unlogged),
    );
  }
}

const LATENCY_BUCKETS = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1_024];

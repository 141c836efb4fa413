import type { ErrorCode } from '@gyre/contracts';
import type { Metrics } from '@gyre/hosting';

/** Of one version of a model, since the start. */
interface Sums {
  success: number;
  /** By reason. */
  failure: Map<string, number>;
  /** Rows that were scored, and runs of the model that took. */
  rows: number;
  runs: number;
  /** Microseconds. */
  request: number;
  queue: number;
  compute: number;
}

/** What is wrong in Triton's words. Whatever is not here is OTHER. */
const REASONS: Partial<Record<ErrorCode, string>> = {
  OVERLOADED: 'REJECTED',
  RATE_LIMITED: 'REJECTED',
  CANCELLED: 'CANCELED',
  NOT_READY: 'BACKEND',
  INTERNAL: 'BACKEND',
};

/**
 * The metrics that boards made for Triton Inference Server read, under its names, with its labels `model` and `version` (0 where no version answered).
 * They are summed up in plain numbers, for each request adds to several, and told at each scrape.
 *
 * @see https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/metrics.html
 */
export class TritonMetrics {
  private readonly models = new Map<string, Map<number, Sums>>();

  constructor(metrics: Metrics) {
    const tell = (name: string, help: string, value: (sums: Sums) => number): void => {
      metrics.counter(name, help, ['model', 'version'], (counter) => {
        counter.reset();
        for (const [model, versions] of this.models)
          for (const [version, sums] of versions) counter.inc({ model, version: String(version) }, value(sums));
      });
    };
    tell('nv_inference_request_success', 'Inference requests that were answered', ({ success }) => success);
    tell('nv_inference_count', 'Rows that were scored', ({ rows }) => rows);
    tell('nv_inference_exec_count', 'Runs of the model, each of one batch', ({ runs }) => runs);
    tell('nv_inference_request_duration_us', 'From taking a request to its answer, all together', (s) => s.request);
    tell('nv_inference_queue_duration_us', 'Time in which requests waited for a run, all together', (s) => s.queue);
    tell('nv_inference_compute_infer_duration_us', 'Time in which requests were run, all together', (s) => s.compute);
    metrics.counter(
      'nv_inference_request_failure',
      'Inference requests that failed',
      ['model', 'version', 'reason'],
      (counter) => {
        counter.reset();
        for (const [model, versions] of this.models)
          for (const [version, { failure }] of versions)
            for (const [reason, count] of failure) counter.inc({ model, version: String(version), reason }, count);
      },
    );
  }

  /** @param milliseconds from taking the request to its answer */
  answered(model: string, version: number, milliseconds: number): void {
    const sums = this.of(model, version);
    sums.success += 1;
    sums.request += milliseconds * 1_000;
  }

  failed(model: string, version: number, code: ErrorCode): void {
    const { failure } = this.of(model, version);
    const reason = REASONS[code] ?? 'OTHER';
    failure.set(reason, (failure.get(reason) ?? 0) + 1);
  }

  /**
   * A batch is through.
   * @param requests how many it was made of, each of which was run for as long
   * @param waitedMs of all of them together
   */
  ran(
    model: string,
    version: number,
    batch: { rows: number; requests: number; waitedMs: number; tookMs: number },
  ): void {
    const sums = this.of(model, version);
    sums.rows += batch.rows;
    sums.runs += 1;
    sums.queue += batch.waitedMs * 1_000;
    sums.compute += batch.tookMs * batch.requests * 1_000;
  }

  private of(model: string, version: number): Sums {
    let versions = this.models.get(model);
    if (versions === undefined) this.models.set(model, (versions = new Map()));
    let sums = versions.get(version);
    if (sums === undefined) {
      sums = { success: 0, failure: new Map(), rows: 0, runs: 0, request: 0, queue: 0, compute: 0 };
      versions.set(version, sums);
    }
    return sums;
  }
}

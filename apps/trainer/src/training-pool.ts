import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Dataset } from '@gyre/learning';
import type { CandidatePlan } from './plan.js';
import type { TrainedCandidate } from './train.js';
import { UntrainableError } from './training-rows.js';

export interface WorkerRequest {
  readonly data: Dataset;
  readonly plan: CandidatePlan;
  /** For the ONNX file. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A trained candidate without its model: the ONNX file stands for it. */
export interface TrainedOnnx extends Omit<TrainedCandidate, 'model'> {
  readonly onnx: Uint8Array;
  /** See `onnxDifference`. */
  readonly onnxDifferenceMax: number;
}

export type WorkerAnswer = TrainedOnnx | { readonly refused: string };

export interface PoolLimits {
  /** Candidates trained at a time. */
  readonly threads: number;
  /** Of JavaScript's heap, per thread; data sets and histograms lie outside of it. */
  readonly heapMegabytes: number;
  /** A candidate that takes longer is given up. */
  readonly candidateSecondsMax: number;
}

const ENTRY = fileURLToPath(new URL('./train.worker.js', import.meta.url));

/**
 * Threads that train, kept between runs: a fresh one costs tens of milliseconds and runs cold code, which doubles a short run. Idle ones
 * do not keep the process alive.
 */
export class TrainingPool {
  private readonly idle: Worker[] = [];
  private readonly waiting: (() => void)[] = [];
  private busy = 0;
  private closed = false;

  constructor(private readonly limits: PoolLimits) {}

  /**
   * @param signal when it is aborted, the thread is ended
   * @throws UntrainableError if the learner refuses, memory runs out or it takes too long; the signal's reason if aborted
   */
  async train(request: WorkerRequest, signal: AbortSignal): Promise<TrainedOnnx> {
    while (this.busy >= this.limits.threads) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.busy += 1;
    try {
      signal.throwIfAborted();
      const worker = this.idle.pop() ?? this.start();
      worker.ref();
      const answer = await this.ask(worker, request, signal);
      if ('refused' in answer) throw new UntrainableError(answer.refused);
      return answer;
    } finally {
      this.busy -= 1;
      this.waiting.shift()?.();
    }
  }

  /** Ends the idle threads now, the others with the candidate that they are at. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(this.idle.splice(0).map((worker) => worker.terminate()));
  }

  private start(): Worker {
    const { heapMegabytes } = this.limits;
    return new Worker(ENTRY, { name: 'gyre-train', resourceLimits: { maxOldGenerationSizeMb: heapMegabytes } });
  }

  private ask(worker: Worker, request: WorkerRequest, signal: AbortSignal): Promise<WorkerAnswer> {
    const { candidateSecondsMax, heapMegabytes } = this.limits;
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        settle();
        void worker.terminate();
        reject(error as Error);
      };
      const onMessage = (answer: WorkerAnswer): void => {
        settle();
        worker.unref();
        if (this.closed) void worker.terminate();
        else this.idle.push(worker);
        resolve(answer);
      };
      const onError = (error: Error & { code?: string }): void =>
        fail(
          error.code === 'ERR_WORKER_OUT_OF_MEMORY'
            ? new UntrainableError(`training needs more than the ${heapMegabytes} MB of heap that it may take`)
            : error,
        );
      const onExit = (code: number): void => fail(new Error(`the training thread ended with code ${code}`));
      const onAbort = (): void => fail(signal.reason);
      const timer = setTimeout(
        () => fail(new UntrainableError(`training took longer than ${candidateSecondsMax} s`)),
        candidateSecondsMax * 1000,
      );
      const settle = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      };
      worker.on('message', onMessage).on('error', onError).on('exit', onExit);
      signal.addEventListener('abort', onAbort, { once: true });
      worker.postMessage(request);
    });
  }
}

import { Worker } from 'node:worker_threads';
import { ModelHost, type ModelAnswer, type ModelRequest } from './model-host.js';

const ENTRY = new URL('./model-thread.worker.js', import.meta.url);

/** A thread that holds models. A run that has begun goes on to its end, whatever is done to the thread. */
export class ModelThread extends ModelHost {
  private readonly worker = new Worker(ENTRY, { name: 'gyre-models' });

  constructor(ended: (why: Error) => void) {
    super(ended);
    const { worker } = this;
    worker.unref();
    worker.on('message', (answer: ModelAnswer) => this.answered(answer));
    worker.on('error', (error) => this.hasEnded(error as Error));
    worker.on('exit', (code) => this.hasEnded(new Error(`the thread that runs the model ended with code ${code}`)));
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }

  protected post(request: ModelRequest): void {
    this.worker.postMessage(request);
  }

  protected keepAlive(isBusy: boolean): void {
    if (isBusy) this.worker.ref();
    else this.worker.unref();
  }
}

import { parentPort } from 'node:worker_threads';
import { GyreError } from '@gyre/contracts/errors';
import { answered, memoryOf, type Answer, type Request } from './compare-thread.js';

/** Reads a table, then compares columns, on a thread of its own. */
parentPort?.on('message', (request: Request) => {
  answered(request).then(
    (answer) => parentPort?.postMessage(answer, 'table' in answer ? memoryOf(answer.table.columns) : []),
    (error: unknown) => {
      if (!(error instanceof GyreError)) throw error;
      parentPort?.postMessage({ refused: error.message } satisfies Answer);
    },
  );
});

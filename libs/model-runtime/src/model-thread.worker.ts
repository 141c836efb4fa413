import { parentPort } from 'node:worker_threads';
import { HeldModels } from './held-models.js';
import type { ModelRequest } from './model-host.js';

/** A ModelThread's side in the thread. */
const models = new HeldModels();
parentPort?.on('message', (request: ModelRequest) => parentPort?.postMessage(models.answer(request)));

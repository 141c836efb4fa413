import { HeldModels } from './held-models.js';
import type { ModelRequest } from './model-host.js';
import { endWithParent } from './orphan-watch.js';

/** A ModelProcess's side in the process. */
const models = new HeldModels();
endWithParent();
process.on('message', (request: ModelRequest) => process.send?.(models.answer(request)));
process.on('disconnect', () => process.exit(0));

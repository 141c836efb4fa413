import { HeldModels } from './held-models.js';
import type { ModelRequest } from './model-messages.js';
import { endWithParent } from './orphan-watch.js';

/** A ModelProcess's side in the process. */
const models = new HeldModels();
endWithParent();
// Where the parent is gone, so is this process soon.
process.on('message', (request: ModelRequest) => process.send?.(models.answer(request), () => undefined));
process.on('disconnect', () => process.exit(0));

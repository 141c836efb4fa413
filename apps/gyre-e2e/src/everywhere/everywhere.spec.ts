/** What is promised on every platform, asked of one Gyre; the last suite starts it again. */
import { oneGyre } from './one-gyre.js';
import './labels.js';
import './ingest.js';
import './inference.js';
import './commands.js';

/** Eight processes, also where other work has most of the cores. */
beforeAll(oneGyre, 600_000);

/** What is promised on every platform, asked of one Gyre; the last suite starts it again. */
import { oneGyre } from './one-gyre.js';
import './labels.js';
import './ingest.js';
import './inference.js';
import './commands.js';

beforeAll(oneGyre, 240_000);

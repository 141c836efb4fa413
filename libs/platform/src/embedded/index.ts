export { AttachedLog } from './attached-log.js';
export { EMBEDDED_STEPS, EmbeddedPlatform, type EmbeddedOptions } from './embedded-platform.js';
export type { Logger } from './engine.js';

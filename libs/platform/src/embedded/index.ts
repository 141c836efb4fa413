export { EmbeddedPlatform } from './embedded-platform.js';
export { DirectoryLock } from './lock.js';
export { EMBEDDED_STEPS, type EmbeddedOptions } from './options.js';

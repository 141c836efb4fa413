export * from './appender-recipe.js';
export * from './artifacts.js';
export * from './embedded/index.js';
export * from './job.js';
export * from './make-directory.js';
export * from './partitioner.js';
export * from './platform.js';
export * from './task.js';

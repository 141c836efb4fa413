export * from './artifacts.js';
export * from './job.js';
export * from './platform.js';
export * from './task.js';

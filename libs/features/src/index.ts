export * from './check-values.js';
export * from './field-rules.js';
export * from './model-input.js';
export * from './online-row.js';
export * from './read-status.js';

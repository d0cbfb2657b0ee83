export * from './definition.js';
export * from './task-context.js';

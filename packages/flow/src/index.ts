export * from './canonical-flow-json.js';
export * from './definition.js';
export * from './flow-schema.js';
export * from './parse-flow-definition.js';
export * from './task-context.js';

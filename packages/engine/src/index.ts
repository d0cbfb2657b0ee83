export * from './compiled.js';
export * from './protocol.js';

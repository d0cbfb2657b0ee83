export { buildProgram, main } from './main.js';
export { systemClock, systemRandom, systemRuntime } from '@baton/client/runtime';

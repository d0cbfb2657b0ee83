export * from './runtime/capturing-logger.js';
export * from './runtime/eventually.js';
export * from './runtime/fake-clock.js';
export * from './runtime/leak-check.js';
export * from './runtime/real-clock.js';
export * from './runtime/runtimes.js';
export * from './runtime/seeded-random.js';
export * from './simulated/coordination/simulated-coordination.js';
export { SimulatedCoordinationService } from './simulated/coordination/simulated-coordination-service.js';

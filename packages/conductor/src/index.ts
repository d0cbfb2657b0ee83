export { createConductor, type Conductor, type ConductorDeps } from './conductor.js';
export { resolveConductorOptions, type ConductorOptions } from './options.js';
export type { Counters } from './ownership.js';
export { createWebhook, type SendNotification } from './webhook.js';

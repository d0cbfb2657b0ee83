export { createConductor, type Conductor, type ConductorDeps } from './conductor.js';
export { resolveConductorOptions, type ConductorOptions } from './options.js';
export type { Counters } from './ownership.js';
export type { RetentionOptions } from './retention-duty.js';
export { createWebhook, type SendNotification } from './webhook.js';

export type { FromHost, HostPort, StartHost, ToHost } from './host-messages.js';
export { importModule } from './import-module.js';
export { loadTasks } from './load-tasks.js';
export { resolveWorkerOptions, type ResolvedWorkerOptions, type WorkerOptions } from './options.js';
export type { Arguments, RegisteredTask } from './registered-task.js';
export { type StdTaskName, stdTaskNames, stdTasks } from './std-tasks.js';
export { TaskRegistry } from './task-registry.js';
export { createWorker, type Worker, type WorkerDeps, type WorkerEnd, type WorkerStatus } from './worker.js';

/** For the thread or process in which isolated tasks run: without what a worker needs to be a member. */
export { serveTasks, type ServeTasksOptions } from './serve-tasks.js';
export type { FromHost, ToHost } from './host-messages.js';

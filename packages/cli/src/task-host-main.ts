/**
 * The entry of a thread or process for isolated tasks (start-task-host.ts starts it): binds `serveTasks` to its line to the worker.
 * On failure: what nobody caught is logged, as in the worker; without its worker it ends, even when a task blocks it.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { serveTasks, type FromHost, type ToHost } from '@baton/worker/host';
import { exitCodes } from './exit-codes.js';
import { systemClock } from '@baton/client/runtime';

/** Told to the worker's process, or group, as a whole: the worker decides what becomes of tasks. */
const NOT_FOR_TASKS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

/** Of a thread beside a blocked one: looks every second whether the worker is still there. */
const watchParent = `
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && process.kill(process.pid, 'SIGKILL'), 1_000);
`;

interface Line {
  readonly module: string;
  send(message: FromHost): void;
  onMessage(listener: (message: ToHost) => void): void;
}

function threadLine(port: NonNullable<typeof parentPort>): Line {
  return {
    module: String(workerData),
    send: (message) => port.postMessage(message),
    onMessage: (listener) => void port.on('message', listener),
  };
}

function processLine(): Line {
  for (const signal of NOT_FOR_TASKS) process.on(signal, () => undefined);
  process.once('disconnect', () => process.exit(exitCodes.ok));
  new Worker(watchParent, { eval: true }).unref();
  return {
    module: process.argv[2] ?? '',
    send: (message) => void process.send?.(message, undefined, undefined, () => undefined),
    onMessage: (listener) => void process.on('message', listener),
  };
}

const { module, send, onMessage } =
  isMainThread || parentPort === null ? processLine() : threadLine(parentPort);
const { logger, receive } = serveTasks({ module, clock: systemClock, send });
const report = (error: unknown): void => logger.error('stray-error', { error });
process.on('uncaughtException', report).on('unhandledRejection', report);
onMessage(receive);

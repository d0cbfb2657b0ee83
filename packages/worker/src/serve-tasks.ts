/**
 * Purpose: the inside of a thread or process for isolated tasks: runs one attempt after the other, exactly as a worker runs them on its own
 *   event loop, and passes on what they say.
 * States: loading → ready ⇄ running.
 * What is authoritative: the worker. It keeps the time, and kills what does not answer; here nothing is given up.
 * Not here: threads, processes and their pipes (whoever starts this).
 */
import { toFailure, type Clock, type LogFields, type Logger } from '@baton/core';
import { Attempt } from './attempt.js';
import type { FromHost, RunMessage, ToHost } from './host-messages.js';
import { loadTasks } from './load-tasks.js';
import { TaskRegistry } from './task-registry.js';

export interface ServeTasksOptions {
  /** Absolute path of the module whose tasks are served. */
  readonly module: string;
  readonly clock: Clock;
  readonly send: (message: FromHost) => void;
}

/** Gives what to do with each message, and a logger that writes to the worker's log. */
export function serveTasks({ module, clock, send }: ServeTasksOptions): {
  readonly logger: Logger;
  receive(message: ToHost): void;
} {
  const logger = loggerTo(send);
  let registry = new TaskRegistry([]);
  let current: { readonly run: number; readonly attempt: Attempt } | undefined;
  loadTasks(module).then(
    (tasks) => {
      registry = new TaskRegistry(tasks);
      send({ type: 'ready' });
    },
    (error: unknown) => send({ type: 'unfit', reason: toFailure(error).message }),
  );

  function start({ run, request, worker, limits }: RunMessage): void {
    const task = registry.find(request.task, request.taskVersion);
    if (task === undefined)
      return send({ type: 'unfit', reason: `${module} does not export ${request.task}` });
    const attempt = new Attempt({
      task,
      request,
      worker,
      runtime: { clock, logger },
      // the worker's own grace ends first, and then this place with all that runs in it
      limits: { ...limits, abortGraceMs: 2 * limits.abortGraceMs },
      onProgress: (fraction, message) => send({ type: 'progress', run, fraction, message }),
    });
    current = { run, attempt };
    void attempt.ended.then((end) => {
      current = undefined;
      send({ type: 'ended', run, end });
    });
  }

  return {
    logger,
    receive(message) {
      if (message.type === 'run') return start(message);
      if (message.run !== current?.run) return;
      current.attempt.abort(message.kind, message.message);
      send({ type: 'told', run: message.run });
    },
  };
}

function loggerTo(send: (message: FromHost) => void): Logger {
  const write =
    (level: keyof Logger) =>
    (message: string, fields: LogFields = {}): void =>
      send({ type: 'log', level, message: String(message), fields: portable(fields) });
  return Object.freeze({
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  });
}

/** What tasks log may be anything; a copy of an error would forget its class. */
function portable(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? toFailure(value) : isPortable(value) ? value : String(value),
    ]),
  );
}

function isPortable(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}

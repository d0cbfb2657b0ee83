import { type Fence, idempotencyKeyOf, type Logger, noFence } from '@baton/core';
import type { TaskContext } from './task-context.js';

export interface InProcessRequest {
  readonly flowId: string;
  readonly atom: string;
  readonly attempt: number;
  readonly round: number;
  readonly requestId: string;
}

const silent: Logger = Object.freeze({ debug: ignore, info: ignore, warn: ignore, error: ignore });

/** The context of a task that runs in this process: nothing aborts it, progress goes nowhere. */
export function inProcessContext(request: InProcessRequest, log: Logger = silent): TaskContext {
  const fence: Fence = noFence;
  return Object.freeze({
    ...request,
    signal: new AbortController().signal,
    delivery: 1,
    fence,
    idempotencyKey: idempotencyKeyOf(request.requestId),
    worker: 'in-process',
    log,
    progress: ignore,
  });
}

function ignore(): void {
  // in process nobody watches
}

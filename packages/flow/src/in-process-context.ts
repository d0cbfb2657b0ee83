import { type Fence, idempotencyKeyOf, type Logger, noFence } from '@baton/core';
import type { TaskContext } from './task-context.js';

export interface InProcessRequest {
  readonly flowId: string;
  readonly atom: string;
  readonly attempt: number;
  readonly round: number;
  readonly requestId: string;
  /** Wall time in ms at which the attempt is aborted. */
  readonly deadline?: number;
}

export interface InProcessCall {
  readonly context: TaskContext;
  /** Aborts the signal of the context. */
  abort(reason: Error): void;
}

/** Where what a task says goes. */
export interface InProcessEars {
  readonly log?: Logger;
  progress?(fraction: number, message?: string): void;
}

const silent: Logger = Object.freeze({ debug: ignore, info: ignore, warn: ignore, error: ignore });

/** One call of a task that runs in this process, and the means to stop it. */
export function inProcessCall(
  request: InProcessRequest,
  { log = silent, progress = ignore }: InProcessEars = {},
): InProcessCall {
  const fence: Fence = noFence;
  // made when somebody looks at it: most tasks never do, and it would cost more than the rest of the context
  let controller: AbortController | undefined;
  let reason: Error | undefined;
  const context: TaskContext = Object.freeze({
    ...request,
    get signal() {
      controller ??= new AbortController();
      if (reason) controller.abort(reason);
      return controller.signal;
    },
    delivery: 1,
    fence,
    idempotencyKey: idempotencyKeyOf(request.requestId),
    worker: 'in-process',
    log,
    progress: (fraction: number, message?: string) => {
      const clamped = Math.min(1, Math.max(0, Number(fraction) || 0));
      progress(clamped, message);
    },
  });
  return {
    context,
    abort: (why) => {
      reason ??= why;
      controller?.abort(reason);
    },
  };
}

function ignore(): void {
  // in process nobody need listen
}

/** Failures of requests that did not come from a worker: what a task and its owner read when nobody ran it to its end. */
import { failureOf } from '@baton/core';
import type { Failure, Refused } from '@baton/core';
import type { OpenRequest } from './request-table.js';
import type { TaskCommand } from './task-command.js';

/** `queue`: nobody ever had it, so there is nothing to undo either (E-861). */
const phaseOf = (open: OpenRequest | undefined) => (open === undefined ? 'queue' : 'execute');

/** Nobody here can know whose doing it was: the others on that worker were lost with the one that blocked it. */
const LOSS_CAUSES =
  "a task on it, this one or another, may have blocked its event loop, ended its process or taken its memory. Its log tells; the remedy for such a task is isolation: 'thread' or 'process'";

export function lostWorker(open: OpenRequest, policy: string): Failure {
  const lost =
    policy === 'fail' || open.losses === 0
      ? `worker ${open.worker} was lost while it had this task`
      : `${open.losses + 1} workers were lost with this task, the last was ${open.worker}`;
  return failureOf('WORKER_LOST', `${lost}: ${LOSS_CAUSES}`, { atom: open.atom, worker: open.worker });
}

/** `losses`: workers that were lost with it; what they did with it nobody knows. */
export function withdrawn(atom: string, open: OpenRequest | undefined, losses: number): Failure {
  const message =
    losses === 0
      ? 'cancelled while it waited for a worker'
      : 'cancelled after its worker was lost: it may have begun, what it did is unknown';
  return failureOf('CANCELLED', message, { phase: phaseOf(open), atom, retryable: false });
}

export function queueTimeout(
  { task, queueTimeoutMs, atom }: TaskCommand,
  open: OpenRequest | undefined,
): Failure {
  const message = `no worker took task ${task} within ${queueTimeoutMs} ms`;
  return failureOf('QUEUE_TIMEOUT', message, { phase: phaseOf(open), atom });
}

/** P-945. A delivery before the refusals may have run on a worker that was lost. */
export function noWorker({ task, atom }: TaskCommand, open: OpenRequest, reason: Refused['reason']): Failure {
  const message = `workers that offer task ${task} do not take it, the last was ${open.worker}: ${reason}`;
  return failureOf('NO_WORKER', message, { phase: open.losses === 0 ? 'queue' : 'execute', atom });
}

import type { Assignment } from './in-flight.js';
import type { JobRunner } from './job-runner.js';
import type { Ownership } from './ownership.js';
import { taskMessage, unsendable } from './task-message.js';

/** Sends a request whose assignment is stored, once its arguments are read. */
export function sendRequest(
  runner: JobRunner,
  { outstanding, fact }: Assignment,
  { owner, onFault }: { readonly owner: Ownership; readonly onFault: (error: unknown) => void },
): void {
  const { payloads, dispatcher, roster, runtime } = owner;
  const { jobId: flowId, fence, turns } = runner;
  const { requestId, workerEpoch } = fact;
  const send = (message: Parameters<typeof dispatcher.request>[0]): void => {
    outstanding.heardAtMs = runtime.clock.monotonicMs();
    dispatcher.request(message);
  };
  const failed = (error: unknown): void => {
    const failure = unsendable(error);
    if (failure === undefined) onFault(error);
    else turns.unsent(requestId, failure);
  };
  try {
    const message = taskMessage(outstanding.command, fact, { flowId, fence }, payloads);
    if (message instanceof Promise)
      message
        .then((ready) => {
          // else it is answered, cancelled or somewhere else by now
          if (outstanding.holds === workerEpoch) send(ready);
        })
        .catch(failed);
    else send(message);
  } catch (error) {
    failed(error);
  }
  // its worker may have gone while the assignment was being saved: nobody else would notice
  if (roster.get(workerEpoch) === undefined) owner.workerGone(workerEpoch, runner, [requestId]);
}

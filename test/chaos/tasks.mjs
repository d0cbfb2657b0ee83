/**
 * The task of random flows for real workers. Each start and end of user code is one line of `$CHAOS_LEDGER`, appended in one write, so that it survives
 * any kill; the line of the end is the effect. Baton never reads it.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { stepTask } from '../simulation/step-task.mjs';

const ledger = process.env.CHAOS_LEDGER;

function note(line) {
  appendFileSync(ledger, `${JSON.stringify({ atMs: Date.now(), pid: process.pid, ...line })}\n`);
}

export const step = stepTask({
  begin: (action, context) => {
    const { flowId, atom, round, attempt, idempotencyKey: key, requestId, delivery, worker } = context;
    note({ phase: 'start', action, flowId, atom, round, attempt, key, requestId, delivery, worker });
    return { action, flowId, atom, key, requestId, delivery, worker };
  },
  pass: (ms, { signal }) => delay(ms, undefined, { signal }),
  end: (call, failed) => note({ phase: failed ? 'fail' : 'end', ...call }),
  odd: (what) => note({ phase: 'odd', what }),
});

import type { Failure } from '@baton/core';
import { resolveArguments } from './arguments.js';
import type { TaskNode } from './compiled.js';
import type { Argument, ExecuteCommand, Outcome, RevertCommand } from './protocol.js';
import type { AtomRun } from './run-state.js';
import type { TurnDraft } from './turn-draft.js';

/** The request of a task that is RUNNING or REVERTING, the same each time it is asked for; or why it cannot be made. */
export function requestOf(
  turn: TurnDraft,
  node: TaskNode,
): { readonly command: ExecuteCommand | RevertCommand } | { readonly failure: Failure } {
  const { state } = turn;
  const run = turn.run(node.id);
  const action = run.state === 'REVERTING' ? 'revert' : 'execute';
  const resolved = resolveArguments(state, node, action);
  if ('failure' in resolved) return resolved;
  const common = commonOf(node, run, action, resolved.args);
  if (action === 'execute') return { command: { type: 'execute', ...common } };
  const result = resultOf(run);
  const { flowFailures = {} } = run;
  return { command: { type: 'revert', ...common, ...(result && { result }), flowFailures } };
}

function commonOf(
  { name, task }: TaskNode,
  run: AtomRun,
  action: 'execute' | 'revert',
  args: Readonly<Record<string, Argument>>,
): Omit<ExecuteCommand, 'type'> {
  const { attemptMs, queueMs } = task.timeout ?? {};
  return {
    atom: name,
    requestId: run.requestId ?? '',
    ...run[action],
    task: task.task ?? name,
    taskVersion: task.version ?? '1.0',
    args,
    ...(attemptMs !== undefined && { timeoutMs: attemptMs }),
    ...(queueMs !== undefined && { queueTimeoutMs: queueMs }),
    onWorkerLoss: task.onWorkerLoss ?? 'resend',
  };
}

/** What `execute` came to, for `revert` (E-123). */
function resultOf({ value, failure }: AtomRun): Outcome | undefined {
  if (failure) return { failure };
  return value && { value };
}

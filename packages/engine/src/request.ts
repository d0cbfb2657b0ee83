import type { Failure } from '@baton/core';
import { resolveArguments } from './arguments.js';
import type { TaskNode } from './compiled.js';
import type { Argument, ExecuteCommand, Outcome, RevertCommand } from './protocol.js';
import type { AtomRun, AttemptNumber } from './run-state.js';
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
  const command = executeCommand(node, run, run[action], resolved.args);
  if (action === 'execute') return { command };
  const result = resultOf(run);
  const { flowFailures = {} } = run.undo;
  return { command: { ...command, type: 'revert', ...(result && { result }), flowFailures } };
}

/** Without spreads: this is made for every request, and an object that is spread into another costs several times the memory. */
function executeCommand(
  { name, task }: TaskNode,
  { requestId = '' }: AtomRun,
  { round, attempt }: AttemptNumber,
  args: Readonly<Record<string, Argument>>,
): ExecuteCommand {
  const { attemptMs, queueMs } = task.timeout ?? noTimeout;
  const command: Writable<ExecuteCommand> = {
    type: 'execute',
    atom: name,
    requestId,
    round,
    attempt,
    task: task.task ?? name,
    taskVersion: task.version ?? '1.0',
    args,
    onWorkerLoss: task.onWorkerLoss ?? 'resend',
  };
  if (attemptMs !== undefined) command.timeoutMs = attemptMs;
  if (queueMs !== undefined) command.queueTimeoutMs = queueMs;
  return command;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
const noTimeout: NonNullable<TaskNode['task']['timeout']> = {};

/** What `execute` came to, for `revert` (E-123). */
function resultOf({ value, failure }: AtomRun): Outcome | undefined {
  if (failure) return { failure };
  return value && { value };
}

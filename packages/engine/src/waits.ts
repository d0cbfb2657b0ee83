/** Which tasks wait instead of having a worker run them: delegates, waits for an event and sleeps; and what those outside have to know of one. */
import { type Arguments, type Failure, failureOf } from '@baton/core';
import { awaitedOutside } from '@baton/flow';
import { eventAwaited, sleepTask } from './built-in-tasks.js';
import type { TaskNode } from './compiled.js';
import type { Command } from './protocol.js';
import type { AttemptNumber } from './run-state.js';

/** C-1111. */
export const waitMsDefault = 7 * 24 * 3_600_000;

/** What ends it: somebody outside, or the time; undefined: a worker is asked, or the engine does it at once. */
export function waitOf({ name, task: { task = name, delegate } }: TaskNode): 'answer' | 'time' | undefined {
  if (awaitedOutside({ delegate, task }) !== undefined) return 'answer';
  return task === sleepTask ? 'time' : undefined;
}

/** Of an attempt that waits. Whoever reads the journal without the definition knows a delegate by it (`FlowView`). */
export function waitTimerOf(node: TaskNode, { round, attempt }: AttemptNumber): string {
  return `${node.name}/${waitOf(node) === 'time' ? 'sleep' : 'wait'}.${round}.${attempt}`;
}

/** What waits for an answer, or for an event if it is no delegate; the same each time it is told. */
export function waitCommandOf({
  delegate,
  ...of
}: {
  readonly atom: string;
  readonly requestId: string;
  readonly attempt: number;
  readonly delegate: string | undefined;
  readonly args: Arguments;
}): Command {
  if (delegate !== undefined) return { type: 'openDelegate', ...of, delegate };
  const { args, ...wait } = of;
  return { type: 'awaitEvent', ...wait, event: eventAwaited(args) };
}

export function unanswered(atom: string): Failure {
  return failureOf('TIMEOUT_WAIT', `${atom} was not answered in time`, { phase: 'execute' });
}

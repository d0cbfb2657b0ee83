/** Atoms of ordered flows that wait: for an answer, an event, or a time (control-flow.md section 11). What becomes of one that has waited: `attempts.ts`. */
import { atomNameOf, type EventName, requestIdOf } from '@baton/core';
import { resolveArguments } from './arguments.js';
import { eventAwaited, evaluateBuiltIn } from './built-in-tasks.js';
import type { AtomNode, TaskNode } from './compiled.js';
import type { ExecuteCommand, Outcome } from './protocol.js';
import { awaiting, type RunState, runOf } from './run-state.js';
import { cancelTimer, startTimer } from './timers.js';
import type { TurnDraft } from './turn-draft.js';
import { waitCommandOf, waitMsDefault, waitOf, waitTimerOf } from './waits.js';

/** Begins to wait, or tells again what is waited for; or what it is given is nothing to wait for. */
export function wait(turn: TurnDraft, node: TaskNode, asked: ExecuteCommand): Outcome | undefined {
  const { delegate, open, timeout } = node.task;
  const { requestId, args } = asked;
  const checked = delegate === undefined ? evaluateBuiltIn(asked.task, args) : {};
  if ('failure' in checked) return checked;
  if (open !== undefined && turn.state.outstanding.has(node.id))
    turn.command({ ...asked, requestId: openingOf(turn.state, node), task: open, opens: requestId });
  if (waitOf(node) === 'answer')
    turn.command(waitCommandOf({ atom: node.name, requestId, attempt: asked.attempt, delegate, args }));
  const { timer, waited, execute } = turn.run(node.id);
  if (timer !== undefined || waited) return undefined;
  const delayMs = 'sleepMs' in checked ? checked.sleepMs : (timeout?.waitMs ?? waitMsDefault);
  startTimer(turn, node, waitTimerOf(node, execute), delayMs);
  return undefined;
}

/** Of a delegate: so long from now on, whatever was before. */
export function extend(turn: TurnDraft, requestId: string, delayMs: number): void {
  const node = openDelegate(turn.state, requestId);
  if (node) startTimer(turn, node, waitTimerOf(node, turn.run(node.id).execute), delayMs);
}

/** The run is suspended with it (C-1107); one that is suspended at somebody's word goes on at such a word only. */
export function pause(turn: TurnDraft, requestId: string): boolean {
  const { flow, paused } = turn.state;
  const node = openDelegate(turn.state, requestId);
  if (!node || paused.has(node.id) || (flow !== 'RUNNING' && paused.size === 0)) return false;
  turn.fact({ fact: 'paused', atom: node.name, state: 'SUSPENDED' });
  return turn.suspend();
}

/** Nothing is to come of its wait any more. */
export function stopWaiting(turn: TurnDraft, node: TaskNode): void {
  const { timer } = turn.run(node.id);
  if (timer !== undefined) cancelTimer(turn, timer);
  abortOpening(turn, node);
}

/** The task that asks for the answer of a delegate is of no use any more. */
export function abortOpening(turn: TurnDraft, node: AtomNode): void {
  if (turn.state.outstanding.has(node.id))
    turn.command({ type: 'abort', atom: node.name, requestId: openingOf(turn.state, node) });
}

/** An answer from outside is waited for under this id: its attempt has begun, and neither it nor the run is over. */
export function openDelegate(state: RunState, requestId: string): TaskNode | undefined {
  const id = awaiting(state, requestId);
  const node = id === undefined ? undefined : state.compiled.nodes[id];
  if (node?.kind !== 'task' || waitOf(node) !== 'answer' || !isOpen(state, node)) return undefined;
  return state.flow === 'RUNNING' || state.flow === 'SUSPENDING' || state.flow === 'SUSPENDED'
    ? node
    : undefined;
}

/** The delegate for whose answer this request asks; undefined: none does. */
export function opening(state: RunState, requestId: string): TaskNode | undefined {
  if (state.waiting.size === 0) return undefined;
  const node = state.compiled.atoms.get(atomNameOf(requestId));
  if (node?.kind !== 'task' || !state.waiting.has(node.id) || !state.outstanding.has(node.id))
    return undefined;
  return openingOf(state, node) === requestId ? node : undefined;
}

/** Requests that an event would answer now. */
export function waitingFor(state: RunState, event: EventName): readonly string[] {
  return Array.from(state.waiting).flatMap((id) => {
    const node = state.compiled.nodes[id];
    if (node?.kind !== 'task' || node.task.delegate !== undefined || waitOf(node) !== 'answer') return [];
    const { requestId } = runOf(state, id);
    const resolved = resolveArguments(state, node, 'execute');
    if (requestId === undefined || 'failure' in resolved || !isOpen(state, node)) return [];
    const { name, key } = eventAwaited(resolved.args);
    return name === event.name && key === event.key ? [requestId] : [];
  });
}

/** Its time has begun; it may be over, which is found out when the run goes on (C-1029). */
function isOpen(state: RunState, node: TaskNode): boolean {
  const { timer, waited, execute } = runOf(state, node.id);
  return state.waiting.has(node.id) && (waited || timer === waitTimerOf(node, execute));
}

function openingOf(state: RunState, { id, name: atom }: AtomNode): string {
  return requestIdOf({ flowId: state.flowId, atom, action: 'open', ...runOf(state, id).execute });
}

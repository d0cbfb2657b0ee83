/** Child runs (section 12): the commands that start and cancel them. */
import { childIdOf, type Environment, InvariantError, requestIdOf } from '@baton/core';
import { literalTemplate } from '@baton/flow';
import type {
  CancelChildCommand,
  OrderChildCommand,
  RevertChildCommand,
  StartChildCommand,
} from '../protocol.js';
import { type RoutedState, type Unit, unitOf } from './routed-state.js';
import type { RoutedTurn } from './routed-turn.js';

/** The same each time it is asked for, but for `isAgain`. */
export function startChildCommandOf(
  state: RoutedState,
  { id, requestId = '', flow = '', args }: Unit,
  isAgain = false,
): StartChildCommand {
  const { flowId: parentId, graph, env } = state;
  const rootId = rootOf(state);
  const definition = graph.subFlows.get(flow);
  if (!definition)
    throw new InvariantError('BATON_INVARIANT_UNREACHABLE', `${parentId} has no flow ${flow} for ${id}`);
  return {
    type: 'startChild',
    atom: id,
    requestId,
    flowId: childIdOf(requestId, rootId),
    definition,
    args,
    // its text is not looked into again
    env: literalTemplate(env) as Environment,
    lineage: { rootId, parentId, requestId, depth: depthOf(state) + 1 },
    isAgain,
  };
}

export function cancelChildCommandOf(state: RoutedState, requestId: string): CancelChildCommand {
  const revert = state.rollback ? 'always' : !state.isStopped;
  return { type: 'cancelChild', requestId, revert, flowId: childIdOf(requestId, rootOf(state)) };
}

/** Each attempt had a run of its own: the newest that is left. */
export function revertChildCommandOf(state: RoutedState, unit: Unit): RevertChildCommand {
  const { id: atom, requestId = '', reverts: attempt } = unit;
  const childRequestId = childRequestOf(state, unit);
  const flowId = childIdOf(childRequestId, rootOf(state));
  return { type: 'revertChild', atom, requestId, childRequestId, attempt, flowId };
}

/** Of the child run that is undone next. */
export function childRequestOf({ flowId }: RoutedState, { id: atom, runs }: Unit): string {
  return requestIdOf({ flowId, atom, action: 'execute', round: 0, attempt: runs.at(-1) ?? 0 });
}

function rootOf({ flowId, lineage }: RoutedState): string {
  return lineage?.rootId ?? flowId;
}

/** Nobody waits for it any more; who goes on with the run tells it again. */
export function cancelChild(turn: RoutedTurn, { requestId = '' }: Unit): void {
  turn.fact({ fact: 'childCancelled', requestId });
  turn.command(cancelChildCommandOf(turn.state, requestId));
}

/** To those child runs that this is about: of a run that is being suspended, those that run. */
export function orderChildren(turn: RoutedTurn, type: OrderChildCommand['type']): void {
  const isShared = type === 'suspendChild' && pausedIn(turn.state).length > 0;
  const isMeant = ({ state, order }: Unit) => (type === 'suspendChild' ? state === 'RUNNING' : order > 0);
  orderThose(turn, isMeant, { type, ...(isShared && { isShared }) });
}

/** With the child runs (C-1302). */
export function suspend(turn: RoutedTurn): void {
  if (turn.suspend()) orderChildren(turn, 'suspendChild');
}

/** At the word of who may resume it: no delegate that is paused has it go on; nor does one in a run below, once that run has heard of it. */
export function suspendApart(turn: RoutedTurn): void {
  const { state } = turn;
  turn.suspend();
  if (state.flow !== 'SUSPENDING' && state.flow !== 'SUSPENDED') return;
  for (const id of state.delegates) {
    const unit = unitOf(state, id);
    if (unit.state === 'SUSPENDED') turn.activation(unit, 'RUNNING');
  }
  orderThose(turn, ({ state: of }) => of === 'RUNNING' || of === 'SUSPENDED', { type: 'suspendChild' });
}

function orderThose(
  turn: RoutedTurn,
  isMeant: (unit: Unit) => boolean,
  what: Pick<OrderChildCommand, 'type' | 'isShared'>,
): void {
  const { state } = turn;
  const env = what.type === 'resumeChild' && state.isEnvPatched && { env: state.env };
  for (const unit of [...state.children].map((id) => unitOf(state, id)).filter(isMeant)) {
    const { requestId = '', order } = unit;
    turn.command({ ...what, requestId, flowId: childOf(state, unit), order, ...env });
  }
}

/** Whether one of its child runs goes on, as far as the run knows. */
export function hasRunningChild(state: RoutedState): boolean {
  return [...state.children].some((id) => unitOf(state, id).state === 'RUNNING');
}

/** Child runs and delegates of it that are suspended, which keep it so. */
export function pausedIn(state: RoutedState): readonly string[] {
  return [...state.children, ...state.delegates].filter((id) => unitOf(state, id).state === 'SUSPENDED');
}

/** The run of the last attempt of a sub-flow. */
export function childOf(state: RoutedState, { id: atom, attempt }: Unit): string {
  const requestId = requestIdOf({ flowId: state.flowId, atom, action: 'execute', round: 0, attempt });
  return childIdOf(requestId, rootOf(state));
}

/** How many flows are above it. */
export function depthOf({ lineage }: RoutedState): number {
  return lineage?.depth ?? 0;
}

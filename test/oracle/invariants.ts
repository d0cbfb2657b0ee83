/** What holds in every schedule, whatever TaskFlow did (FORMAT 4.2; engine.md 19.3). */
import {
  checkTransition,
  retryTransitions,
  taskTransitions,
  type AtomState,
  type InvariantError,
} from '@baton/core';
import { isAtom, type Compiled, type NodeId } from '@baton/engine';
import type { Difference } from './difference.js';
import type { Phase } from './scenario.js';
import type { Recorded } from './world.js';

export function invariantViolation(compiled: Compiled, phases: readonly Phase[]): Difference | undefined {
  const ancestors = ancestorsOf(compiled);
  for (const [index, phase] of phases.entries()) {
    if (phase.crashed === true) continue;
    const broken = orderViolation(ancestors, phase) ?? endViolation(compiled, phase);
    if (broken !== undefined)
      return { where: `phase ${index}`, expected: 'the order rules hold', got: broken, rule: 'E-1931' };
  }
  return undefined;
}

function ancestorsOf({ nodes }: Compiled): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, ReadonlySet<string>>();
  for (const node of nodes) {
    if (!isAtom(node)) continue;
    const seen = new Set<NodeId>(node.before);
    for (const id of seen) for (const before of nodes[id]?.before ?? []) seen.add(before);
    const atoms = [...seen].map((id) => nodes[id]).filter((before) => before !== undefined && isAtom(before));
    found.set(node.name, new Set(atoms.map((atom) => atom?.name ?? '')));
  }
  return found;
}

/** E-1931, E-1932, E-1934. */
function orderViolation(
  ancestors: ReadonlyMap<string, ReadonlySet<string>>,
  phase: Phase,
): string | undefined {
  const states = new Map<string, string>();
  for (const [kind, atom, from, to] of phase.events.map((event) => event.map(String))) {
    if ((kind !== 'task' && kind !== 'retry') || atom === undefined || to === undefined) continue;
    if (to !== 'PENDING') {
      const illegal = illegalTransition(kind, from as AtomState, to as AtomState);
      if (illegal !== undefined) return illegal;
    }
    if (to === 'RUNNING')
      for (const before of ancestors.get(atom) ?? [])
        if (!['SUCCESS', 'IGNORE'].includes(states.get(before) ?? 'SUCCESS'))
          return `${atom} started while ${before} was ${states.get(before)}`;
    if (to === 'REVERTING')
      for (const [after, before] of ancestors)
        if (
          before.has(atom) &&
          ['SUCCESS', 'FAILURE', 'RUNNING', 'REVERTING'].includes(states.get(after) ?? '')
        )
          return `${atom} was reverted while ${after} was ${states.get(after)}`;
    states.set(atom, to);
  }
  return undefined;
}

/** Whether an event is a change that the tables do not have (E-714); what is reset may come from any state. */
export function leavesTransitionTable(event: Recorded): boolean {
  const [kind, , from, to] = event.map(String);
  if ((kind !== 'task' && kind !== 'retry') || to === 'PENDING' || from === to) return false;
  return illegalTransition(kind, from as AtomState, to as AtomState) !== undefined;
}

function illegalTransition(kind: 'task' | 'retry', from: AtomState, to: AtomState): string | undefined {
  try {
    checkTransition(kind === 'task' ? taskTransitions : retryTransitions, from, to);
    return undefined;
  } catch (error) {
    return (error as InvariantError).message;
  }
}

/** E-1933 and E-1936: an ended flow has nothing left that runs, and an undone one nothing that stands. */
function endViolation({ options }: Compiled, { do: action, flow, atoms }: Phase): string | undefined {
  if (action !== 'run' && action !== 'revert') return undefined;
  const states = Object.values(atoms).map(({ state }) => String(state));
  if (flow === 'SUCCESS' && states.some((state) => state !== 'SUCCESS' && state !== 'IGNORE'))
    return `the flow ended SUCCESS with atoms ${states.join(' ')}`;
  if (
    flow === 'REVERTED' &&
    options.deferReverts &&
    states.some((state) => ['SUCCESS', 'FAILURE'].includes(state))
  )
    return `the flow ended REVERTED with atoms ${states.join(' ')}`;
  // a failed revert may leave others that were taken back while suspending
  if (['SUCCESS', 'REVERTED'].includes(flow) && states.includes('REVERTING'))
    return `the flow ended ${flow} with atoms ${states.join(' ')}`;
  return undefined;
}

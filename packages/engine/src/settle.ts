/** What becomes of an atom when the method it was asked to run has ended. */
import { type Failure, failureOf, type FailurePhase, type Value } from '@baton/core';
import { partOf } from './arguments.js';
import type { AtomNode } from './compiled.js';
import type { Outcome } from './protocol.js';
import { resolve } from './resolve.js';
import type { TurnDraft } from './turn-draft.js';

/** Records what the method of a RUNNING or REVERTING atom came to, and has a failure resolved. */
export function settle(turn: TurnDraft, node: AtomNode, outcome: Outcome): void {
  const reverting = turn.run(node.id).state === 'REVERTING';
  const isChecked = reverting || turn.state.uncheckedResults;
  const judged = isChecked ? outcome : shaped(node, outcome);
  if (!('failure' in judged)) {
    const { value } = judged;
    return turn.atom(node, reverting ? 'REVERTED' : 'SUCCESS', value === undefined ? {} : { value });
  }
  const failure = located(turn, node, judged.failure, reverting ? 'revert' : 'execute');
  turn.atom(node, reverting ? 'REVERT_FAILURE' : 'FAILURE', { failure });
  if (!reverting) resolve(turn, node, failure);
}

function located(turn: TurnDraft, node: AtomNode, failure: Failure, action: 'execute' | 'revert'): Failure {
  const phase: FailurePhase = failure.phase ?? action;
  return { ...failure, phase, atom: node.name, ...turn.run(node.id)[action] };
}

/** A result that lacks a promised part is a failure (E-130). What is behind a reference was checked by the worker. */
function shaped(node: AtomNode, outcome: Outcome): Outcome {
  if ('failure' in outcome) return outcome;
  for (const [symbol, where] of node.provides)
    if (where !== null && lacks(outcome.value, where)) {
      const message = `${node.name} promised ${symbol} at ${JSON.stringify(where)} of its result, which has no such part`;
      return { failure: failureOf('RESULT_SHAPE', message, { phase: 'result' }) };
    }
  return outcome;
}

function lacks(value: Value | undefined, where: string | number): boolean {
  if (value && 'ref' in value) return false;
  return value === undefined || 'bytes' in value || partOf(value.data, where) === undefined;
}

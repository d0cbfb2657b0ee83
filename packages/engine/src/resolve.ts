/** Who decides about a failure, and what that means for the atoms around it (engine.md 6.2; taskflow completer.py). */
import { type Failure, toFailure } from '@baton/core';
import { flowLimits } from '@baton/flow';
import { resolveArguments } from './arguments.js';
import type { AtomNode, RetryNode } from './compiled.js';
import type { Decision, RetryCall } from './local-functions.js';
import { controllerOf } from './retry-controllers.js';
import type { TurnDraft } from './turn-draft.js';

/** `of` absent: the whole flow; `asked`: by a controller, and not for lack of one. */
type Resolution =
  | { readonly to: 'retry' | 'revert'; readonly of: RetryNode }
  | { readonly to: 'revert-all'; readonly asked: boolean };

/**
 * Asks the controllers about a failure and sets the intentions of the whole affected scope. What is already being undone is
 * never undone less (E-627, E-628).
 */
export function resolve(turn: TurnDraft, failed: AtomNode, failure: Failure): void {
  if (turn.state.compiled.options.neverResolve) return;
  const resolution = resolutionFor(turn, failed, failure);
  if (resolution.to === 'revert-all') return revertAll(turn);
  const { of } = resolution;
  if (turn.run(of.id).intention !== 'REVERT')
    turn.intention(of, resolution.to === 'retry' ? 'RETRY' : 'REVERT');
  if (!turn.retry(of).scopeReverting && !turn.state.revertingAll)
    turn.fact({ fact: 'scope', of: of.name, to: 'REVERT' });
}

/** Everything is to be undone; one fact, whatever the size of the flow. */
export function revertAll(turn: TurnDraft): void {
  if (!turn.state.revertingAll) turn.fact({ fact: 'scope', to: 'REVERT' });
}

/** E-621 to E-625: the innermost controller first; one that gives up asks the next. */
function resolutionFor(turn: TurnDraft, failed: AtomNode, failure: Failure): Resolution {
  if (failed.controller === undefined) return { to: 'revert-all', asked: false };
  const controller = turn.node(failed.controller) as RetryNode;
  const decision = ask(turn, controller, failed, failure);
  if (decision === 'RETRY') return { to: 'retry', of: controller };
  if (decision === 'REVERT_ALL') return { to: 'revert-all', asked: true };
  const outer = resolutionFor(turn, controller, failure);
  if (turn.state.compiled.options.deferReverts) return outer;
  const outerKnowsBest = outer.to === 'retry' || (outer.to === 'revert-all' && outer.asked);
  return outerKnowsBest ? outer : { to: 'revert', of: controller };
}

/** A fault of the controller counts as REVERT and is recorded beside the failure (E-605); so does one round too many (E-1803). */
function ask(turn: TurnDraft, retry: RetryNode, failed: AtomNode, failure: Failure): Decision {
  const { history } = turn.retry(retry);
  const last = history.at(-1);
  // an ignored controller never executed: it has nothing to decide with
  if (!last) return 'REVERT';
  if (!last.failures.has(failed.name))
    turn.fact({ fact: 'history', retry: retry.name, atom: failed.name, failure });
  try {
    const decision = controllerOf(turn.state, retry, turn.expressions).onFailure(callOf(turn, retry));
    if (decision === 'RETRY' && history.length >= flowLimits.roundsMax)
      throw new RangeError(`${retry.name} has tried ${history.length} times, which is as often as it may`);
    if (decision === 'RETRY' || decision === 'REVERT' || decision === 'REVERT_ALL') return decision;
    throw new TypeError(`${retry.name} decided ${JSON.stringify(decision)}`);
  } catch (error) {
    const fault = toFailure(error, { atom: retry.name });
    turn.fact({ fact: 'history', retry: retry.name, atom: retry.name, failure: fault });
    return 'REVERT';
  }
}

/** What a controller sees when it is asked; throws what its inputs lack. */
function callOf(turn: TurnDraft, retry: RetryNode): RetryCall {
  const resolved = resolveArguments(turn.state, retry, 'execute');
  if ('failure' in resolved) throw new Error(resolved.failure.message);
  const { failure } = turn.run(retry.id);
  return { args: resolved.args, history: turn.retry(retry).history, failure };
}

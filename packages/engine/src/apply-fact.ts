/**
 * The only place where the state of a run changes: one fact at a time, checked against the transition tables (E-714). `step`
 * goes through here as folding a journal does, so both reach the same state.
 */
import {
  type ActivationState,
  assertNever,
  type AtomFact,
  type AttemptFact,
  type AtomState,
  checkTransition,
  type Fact,
  type Failure,
  flowTransitions,
  type FlowState,
  type HistoryFact,
  InvariantError,
  type Intention,
  requestIdOf,
  retryTransitions,
  type ScopeFact,
  taskTransitions,
  type TimerFact,
} from '@baton/core';
import { type AtomNode, isAtom, type NodeId } from './compiled.js';
import { waitOf, waitTimerOf } from './waits.js';
import { refresh } from './readiness.js';
import {
  type AtomRun,
  attemptNumber,
  changingRun,
  firstTry,
  neverBegan,
  neverUndone,
  runOf,
  type RunState,
} from './run-state.js';

/** A state change as somebody watching wants it: facts about whole scopes are spread over their atoms. */
export type Transition =
  | { readonly of: 'flow'; readonly from: FlowState; readonly to: FlowState }
  | {
      readonly of: 'task' | 'retry';
      readonly atom: string;
      readonly from: AtomState;
      readonly to: AtomState;
    }
  | {
      readonly of: 'activation';
      readonly atom: string;
      readonly from: ActivationState;
      readonly to: ActivationState;
    };

export type Observer = (transition: Transition) => void;

/** An object, not a function: one that is made for each turn costs as much as the turn (V8 puts it, and so all it leads to, with what is old). */
export interface Witness {
  changed(transition: Transition): void;
}

/**
 * Folds facts into the state, which is changed in place. Entries of a journal are folded in order of `seq`.
 * @throws InvariantError `BATON_INVARIANT_TRANSITION` when a fact does not fit the state.
 */
export function fold(state: RunState, facts: Iterable<Fact>, observe?: Observer): void {
  const witness = observe && { changed: observe };
  for (const fact of facts) applyFact(state, fact, witness);
}

/** `node`: the one that the fact is about, where it is at hand; else it is looked up by its name. */
export function applyFact(state: RunState, fact: Fact, witness?: Witness, node?: AtomNode): void {
  switch (fact.fact) {
    case 'flow':
      checkFrom('flow', state.flow, fact);
      checkTransition(flowTransitions, fact.from, fact.to, state.flowId);
      state.flow = fact.to;
      state.message = typeof fact.message === 'string' ? fact.message : undefined;
      if (fact.to === 'RUNNING') askAgain(state);
      if (fact.to === 'RUNNING') state.failedNow.clear();
      return witness?.changed({ of: 'flow', from: fact.from, to: fact.to });
    case 'atom':
      return applyAtom(state, node ?? nodeOf(state, fact.atom), fact, witness);
    case 'attempt':
      return applyAttempt(state, fact);
    case 'intention': {
      const { id } = node ?? nodeOf(state, fact.atom);
      return setIntention(state, id, fact.to);
    }
    case 'scope':
      return applyScope(state, fact, witness);
    case 'history':
      return applyHistory(state, fact);
    case 'timer':
      return applyTimer(state, fact);
    case 'withdrawn':
      return withdraw(state, fact.atom);
    case 'paused':
      if (fact.state === 'SUSPENDED') state.paused.add(nodeOf(state, fact.atom).id);
      else state.paused.delete(nodeOf(state, fact.atom).id);
      return;
    case 'opened':
      state.outstanding.delete(nodeOf(state, fact.activation).id);
      return;
    case 'request':
    case 'command':
      return;
    case 'arrival':
    case 'activation':
    case 'childCancelled':
    case 'held':
    case 'lost':
    case 'variables':
    case 'rollback':
      throw new InvariantError(
        'BATON_INVARIANT_TRANSITION',
        `${fact.fact} is of a routed flow, ${state.flowId} is none`,
      );
    default:
      return assertNever(fact);
  }
}

function applyAtom(state: RunState, node: AtomNode, fact: AtomFact, witness?: Witness): void {
  const run = changingRun(state, node.id);
  checkFrom(fact.atom, run.state, fact);
  const table = node.kind === 'task' ? taskTransitions : retryTransitions;
  if (checkTransition(table, fact.from, fact.to, fact.atom) === 'ignore') return;
  leave(state, node.id, run);
  record(state, node, run, fact);
  enter(state, node.id, run, fact.to);
  witness?.changed({ of: node.kind, atom: node.name, from: fact.from, to: fact.to });
}

function applyAttempt(state: RunState, { atom, attempt, failure }: AttemptFact): void {
  const { node, run } = atomOf(state, atom);
  leave(state, node.id, run);
  run.execute = attemptNumber(run.execute.round, attempt);
  const { count, began } = run.tries;
  run.tries = { count: count + 1, lastFailure: failure, began: began || !neverBegan(failure.phase) };
  submit(state, node, run, 'execute');
}

/** What each state does to the record of the atom (E-1121 to E-1124). */
function record(state: RunState, node: AtomNode, run: AtomRun, fact: AtomFact): void {
  const { round = 0, attempt = 1 } = fact;
  switch (fact.to) {
    case 'RUNNING':
      if (run.retry) run.retry.executions++;
      run.execute = attemptNumber(round, attempt);
      run.tries = firstTry;
      return submit(state, node, run, 'execute');
    case 'REVERTING':
      run.revert = attemptNumber(round, attempt);
      run.undo = { ...run.undo, flowFailures: recordedFailures(state) };
      // a person had a failed revert tried again
      state.revertFailed.delete(node.id);
      return submit(state, node, run, 'revert');
    case 'SUCCESS':
      if (run.retry) run.retry.history.push({ value: fact.value, failures: new Map() });
      else run.value = fact.value;
      state.failed.delete(node.id);
      run.failure = undefined;
      run.undo = neverUndone;
      return;
    case 'FAILURE':
      state.failed.add(node.id);
      state.failedNow.add(node.id);
      run.failure = fact.failure;
      run.value = undefined;
      run.undo = neverUndone;
      return;
    case 'REVERTED':
      state.revertFailed.delete(node.id);
      run.undo = { ...neverUndone, value: fact.value };
      if (run.retry) run.retry.history = [];
      return;
    case 'REVERT_FAILURE':
      state.revertFailed.add(node.id);
      // nobody reads the result any more (E-1113, E-1124); it is kept for a revert that is tried again (E-1321)
      run.undo = { ...neverUndone, failure: fact.failure };
      return;
    case 'RETRYING':
      run.waited = false;
      return;
    case 'IGNORE':
      return forgetFailure(state, node.id, run);
    case 'PENDING':
      return;
    default:
      return assertNever(fact.to);
  }
}

/** It is on record of the atom no more (E-643, E-1125); the journal has it. */
function forgetFailure(state: RunState, id: NodeId, run: AtomRun): void {
  state.failed.delete(id);
  state.failedNow.delete(id);
  run.failure = undefined;
}

function submit(state: RunState, node: AtomNode, run: AtomRun, action: 'execute' | 'revert'): void {
  const { round, attempt } = run[action];
  run.requestId = requestIdOf({ flowId: state.flowId, atom: node.name, action, round, attempt });
  const isWait = action === 'execute' && node.kind === 'task' && waitOf(node) !== undefined;
  if (isWait) {
    run.waited = false;
    state.waiting.add(node.id);
  }
  if (!isWait || node.task.open !== undefined) state.outstanding.add(node.id);
}

function leave(state: RunState, id: NodeId, run: AtomRun): void {
  if (run.requestId === undefined) return;
  state.outstanding.delete(id);
  state.withdrawn.delete(id);
  state.waiting.delete(id);
  state.paused.delete(id);
  run.requestId = undefined;
  if (run.undo.flowFailures) run.undo = { ...run.undo, flowFailures: undefined };
}

/** Kept with the revert they are told to: whoever asks again, with the same request id, must ask the same. */
function recordedFailures({ failed, runs, compiled }: RunState): Readonly<Record<string, Failure>> {
  const failures: Record<string, Failure> = {};
  for (const id of failed) {
    const failure = runs[id]?.failure;
    const name = compiled.nodes[id]?.name;
    if (failure && name !== undefined) failures[name] = failure;
  }
  return failures;
}

/** E-823. */
function withdraw(state: RunState, atom: string): void {
  const { node, run } = atomOf(state, atom);
  if (run.requestId === undefined) return;
  state.outstanding.delete(node.id);
  state.withdrawn.add(node.id);
}

function askAgain(state: RunState): void {
  for (const id of state.withdrawn) state.outstanding.add(id);
  state.withdrawn.clear();
  state.paused.clear();
}

function enter(state: RunState, id: NodeId, run: AtomRun, to: AtomState): void {
  state.unfinished += Number(isFinished(run.state)) - Number(isFinished(to));
  run.state = to;
  refresh(state, id);
}

function isFinished(state: AtomState): boolean {
  return state === 'SUCCESS' || state === 'IGNORE';
}

function setIntention(state: RunState, id: NodeId, to: Intention): void {
  const run = changingRun(state, id);
  if (run.intention === to) return;
  run.intention = to;
  refresh(state, id);
}

function applyScope(state: RunState, fact: ScopeFact, witness?: Witness): void {
  const head = fact.of === undefined ? undefined : atomOf(state, fact.of);
  if (fact.to === 'IGNORE') return applyIgnore(state, fact.of, witness);
  if (fact.to === 'RERUN') return applyRerun(state, head?.node, witness);
  if (!head) state.revertingAll = fact.to === 'REVERT';
  else if (head.run.retry) head.run.retry.scopeReverting = fact.to === 'REVERT';
  if (!head && fact.to === 'RESET') beginAnew(state, [...state.compiled.atoms.values()]);
  for (const node of head ? descendants(state, head.node.id) : state.compiled.atoms.values()) {
    if (fact.to === 'REVERT') setIntention(state, node.id, 'REVERT');
    else reset(state, node, witness);
  }
}

function applyIgnore(state: RunState, target: string | undefined, witness?: Witness): void {
  const { node } = atomOf(state, target ?? '');
  for (const ignored of [node, ...descendants(state, node.id)]) {
    const run = changingRun(state, ignored.id);
    if (run.state === 'IGNORE') continue;
    const { state: from } = run;
    checkTransition(taskTransitions, from, 'IGNORE', ignored.name);
    run.intention = 'IGNORE';
    forgetFailure(state, ignored.id, run);
    enter(state, ignored.id, run, 'IGNORE');
    witness?.changed({ of: ignored.kind, atom: ignored.name, from, to: 'IGNORE' });
  }
}

/** A new life (E-1324): what controllers tried is forgotten; rounds and attempts are counted on, so that request ids never repeat. */
function applyRerun(state: RunState, from: AtomNode | undefined, witness?: Witness): void {
  state.revertingAll = false;
  const scope = from ? [from, ...descendants(state, from.id)] : [...state.compiled.atoms.values()];
  beginAnew(state, scope);
  for (const node of scope) {
    const { retry } = changingRun(state, node.id);
    if (retry) retry.history = [];
    reset(state, node, witness);
  }
}

/** What was undone is other work the next time, under another key; what stands is the same. Where its controller begins anew, too, that one counts. */
function beginAnew(state: RunState, scope: readonly AtomNode[]): void {
  const ids = new Set(scope.map(({ id }) => id));
  for (const { id, controller } of scope)
    if (runOf(state, id).state === 'REVERTED' && (controller === undefined || !ids.has(controller)))
      changingRun(state, id).lives++;
}

/** A new round for one atom (E-643, E-1125): its failure is forgotten, its result stays for inspection. */
function reset(state: RunState, node: AtomNode, witness?: Witness): void {
  const run = changingRun(state, node.id);
  const from = run.state;
  // a controller that was left out begins no round, but what it controls may have run: the next time is other work, under another key
  if (run.retry && from === 'IGNORE') run.retry.executions++;
  leave(state, node.id, run);
  state.failed.delete(node.id);
  state.revertFailed.delete(node.id);
  run.failure = undefined;
  run.waited = false;
  if (run.retry) run.retry.scopeReverting = false;
  run.intention = 'EXECUTE';
  enter(state, node.id, run, 'PENDING');
  if (from !== 'PENDING') witness?.changed({ of: node.kind, atom: node.name, from, to: 'PENDING' });
}

function applyHistory(state: RunState, { retry, atom, failure }: HistoryFact): void {
  const last = atomOf(state, retry).run.retry?.history.at(-1);
  if (last && !last.failures.has(atom)) last.failures.set(atom, failure);
}

function applyTimer(state: RunState, fact: TimerFact): void {
  if (fact.state === 'set') {
    const { node, run } = atomOf(state, fact.atom ?? '');
    run.timer = fact.id;
    state.timers.set(fact.id, node.id);
    return refresh(state, node.id);
  }
  const id = state.timers.get(fact.id);
  if (id === undefined) return;
  state.timers.delete(fact.id);
  const run = changingRun(state, id);
  const node = state.compiled.nodes[id];
  // after the delay before an attempt what that waits for has yet to come
  const isDelay =
    node?.kind === 'task' && waitOf(node) !== undefined && fact.id !== waitTimerOf(node, run.execute);
  run.timer = undefined;
  run.waited = !isDelay && fact.state === 'fired';
  refresh(state, id);
}

/** Atoms after a node in the execution graph, the whole way down, over the borders of flows (E-626). */
export function* descendants(state: RunState, start: NodeId): Generator<AtomNode> {
  const { nodes } = state.compiled;
  // a set yields what is added while it is walked; its size is that of the scope, not of the flow
  const seen = new Set(nodes[start]?.after);
  for (const id of seen) {
    const node = nodes[id];
    if (node && isAtom(node)) yield node;
    for (const next of node?.after ?? []) seen.add(next);
  }
}

/** @throws InvariantError when the flow has no such atom. */
export function atomOf(state: RunState, name: string): { node: AtomNode; run: AtomRun } {
  const node = nodeOf(state, name);
  return { node, run: changingRun(state, node.id) };
}

function nodeOf({ compiled, flowId }: RunState, name: string): AtomNode {
  const node = compiled.atoms.get(name);
  if (!node) throw new InvariantError('BATON_INVARIANT_TRANSITION', `${flowId} has no atom ${name}`);
  return node;
}

function checkFrom(what: string, now: string, fact: { readonly from: string; readonly to: string }): void {
  if (now !== fact.from)
    throw new InvariantError(
      'BATON_INVARIANT_TRANSITION',
      `${what} is ${now}, so it cannot go from ${fact.from} to ${fact.to}`,
    );
}

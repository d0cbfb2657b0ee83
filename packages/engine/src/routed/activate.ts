/**
 * The life of an activation between its arrival and its end: it is held, waits, runs, fans out, is repeated (sections 9 and 10).
 *   begin → held? → delayed before → started → attempt → delayed after → judged: repeated, or settled (settle.ts)
 */
import { type AttemptLimits, failureOf, type Failure } from '@baton/core';
import { awaitedOutside } from '@baton/flow';
import type { Outcome } from '../protocol.js';
import { evaluateBuiltIn } from '../built-in-tasks.js';
import { unanswered, waitMsDefault } from '../waits.js';
import { checkSize } from './data-size.js';
import { itemsFor, resultOf } from './fan-out.js';
import { countAt, delayBefore, durationAt, isRepeated, isSoAt, isTrueAt } from './policies.js';
import { endFlow } from './end.js';
import { askedFor } from './asked.js';
import { startChildCommandOf, suspend } from './child-command.js';
import { noteLost } from './joins.js';
import { renderedValue } from './outcome.js';
import { openDelegateCommandOf, requestCommandOf } from './routed-request.js';
import {
  type Activation,
  contextOf,
  type FanOut,
  isItem,
  isOver,
  type Item,
  totalTimerOf,
  type Unit,
} from './routed-state.js';
import type { RoutedTurn } from './routed-turn.js';
import { abandon, evaluating, settle } from './settle.js';
import type { AtActivation, Place, Self } from './surroundings.js';

/** C-1701. */
export const activationsMax = 100_000;
/** C-1701: of one cycle, counted at each of its atoms. */
const turnsMax = 10_000;

/** An activation has all it waited for. */
export function begin(turn: RoutedTurn, activation: Activation): void {
  const { activations, counts } = turn.state;
  const { isCyclic, index, name } = activation.atom;
  if (activations.size > activationsMax)
    return endFlow(turn, 'FAILURE', `LIMIT: more than ${activationsMax} activations`);
  if (isCyclic && (counts[index] ?? 0) > turnsMax)
    return endFlow(turn, 'FAILURE', `LIMIT: ${name} turned more than ${turnsMax} times`);
  // it was held, and has waited, before a person had it run again (C-1002)
  if (activation.again) return start(turn, activation);
  const { pauseBefore, waitBeforeMs } = activation.atom.definition;
  evaluating(turn, activation, () => {
    const place = placeOf(turn, activation);
    if (isTrueAt(place, pauseBefore, 'pause-before')) {
      turn.fact({ fact: 'held', activation: activation.id });
      return suspend(turn);
    }
    const delayMs = durationAt(place, waitBeforeMs, 'wait-before');
    if (delayMs === 0) return start(turn, activation);
    turn.activation(activation, 'DELAYED', { delay: 'before' });
    setTimer(turn, activation, `${activation.id}/before`, delayMs);
  });
}

/** A decision point has nothing to run. */
export function start(turn: RoutedTurn, activation: Activation): void {
  const { task, delegate, flow, forEach, timeout } = activation.atom.definition;
  if (task === undefined && delegate === undefined && flow === undefined) return settle(turn, activation, {});
  evaluating(turn, activation, () => {
    const place = placeOf(turn, activation);
    const totalMs = durationAt(place, timeout?.totalMs, 'timeout.total');
    const attempt = activation.spent + 1;
    if (forEach) {
      const items = keptItems(activation) ? {} : { items: itemsFor(place, forEach) };
      checkSize(items.items ?? [], `the items of ${activation.id}`);
      turn.activation(activation, 'RUNNING', { attempt, ...items, limits: limitsAt(place) });
    } else {
      const asked = askedFor(place);
      if ('failure' in asked) return settle(turn, activation, asked);
      turn.activation(activation, 'RUNNING', { attempt, ...asked, limits: limitsAt(place) });
    }
    if (totalMs > 0) setTimer(turn, activation, totalTimerOf(activation), totalMs);
    submit(turn, activation);
  });
}

/** Whether some of them are run again and the others stay (C-909). */
function keptItems({ again, fanOut }: Activation): boolean {
  return again?.keepsItems === true && fanOut?.items.every(({ state }) => state === 'SUCCESS') === false;
}

function limitsAt(place: Place): AttemptLimits {
  const { timeout, parallel: most, task, delegate } = place.activation?.atom.definition ?? {};
  const attemptMs = durationAt(place, timeout?.attemptMs, 'timeout.attempt');
  const queueMs = durationAt(place, timeout?.queueMs, 'timeout.queue');
  const waitMs = durationAt(place, timeout?.waitMs, 'timeout.wait') || waitMsDefault;
  const parallel = countAt(place, most, 'parallel');
  return {
    ...(awaitedOutside({ task, delegate }) !== undefined && { waitMs }),
    ...(attemptMs > 0 && { attemptMs }),
    ...(queueMs > 0 && { queueMs }),
    ...(parallel !== undefined && { parallel }),
  };
}

/** Of a fan-out the items follow one by one (`follow`); one over nothing has succeeded (C-903). */
function submit(turn: RoutedTurn, unit: Activation | Item): void {
  if (isItem(unit) || !unit.fanOut) ask(turn, unit);
  else if (unit.fanOut.items.length === 0) settle(turn, unit, resultOf(unit.fanOut));
}

/** What the engine does itself follows later in the turn (`serve`): of many attempts one after the other there would be no end. */
function ask(turn: RoutedTurn, unit: Unit): void {
  const { due, outstanding, delegates, children } = turn.state;
  if (due.has(unit.id)) return;
  if (outstanding.has(unit.id)) turn.command(requestCommandOf(turn.state, unit));
  if (delegates.has(unit.id)) turn.command(openDelegateCommandOf(unit));
  if (children.has(unit.id)) turn.command(startChildCommandOf(turn.state, unit));
  const { waitMs } = unit.limits;
  if (waitMs !== undefined) awaitAnswer(turn, unit, waitMs);
}

/** Of a delegate: so long from now on, whatever was before. */
export function awaitAnswer(turn: RoutedTurn, unit: Unit, waitMs: number): void {
  setTimer(turn, unit, `${unit.id}/wait.${unit.attempt}`, waitMs);
}

/** The next item that may begin: there is room, and nothing keeps it. @throws ExpressionError */
export function beginItem(turn: RoutedTurn, activation: Activation): void {
  const item = activation.fanOut?.items[activation.fanOut.begun];
  if (!item) return;
  evaluating(turn, activation, () => {
    const asked = askedFor({ ...placeOf(turn, activation), item });
    if ('failure' in asked) return settleItem(turn, item, asked);
    const attempt = activation.attempt;
    turn.activation(item, 'RUNNING', { attempt, ...asked, limits: activation.limits });
    ask(turn, item);
  });
}

/** Evaluates a task of the engine's own. One that sleeps has its outcome already, and it is looked at later. */
export function serve(turn: RoutedTurn, unit: Activation | Item): void {
  const outcome = evaluateBuiltIn(unit.atom.definition.task ?? '', unit.args);
  if (!('sleepMs' in outcome)) return answered(turn, unit, outcome);
  const activation = isItem(unit) ? unit.parent : unit;
  evaluating(turn, activation, () => {
    const { waitAfterMs } = unit.atom.definition;
    const place = placeOf(turn, activation, {});
    const afterMs = isItem(unit) ? 0 : durationAt(place, waitAfterMs, 'wait-after');
    turn.activation(unit, 'DELAYED', { delay: 'after' });
    setTimer(turn, unit, `${unit.id}/after.${unit.attempt}`, outcome.sleepMs + afterMs);
  });
}

/** A fan-out that may begin another item now. */
export function nextToFill({ state }: RoutedTurn): Activation | undefined {
  for (const activation of state.fanOuts) {
    const { fanOut, atom, limits } = activation;
    if (!fanOut || activation.state !== 'RUNNING') continue;
    if (atom.definition.onItemError === 'stop' && fanOut.failed > 0) continue;
    if (fanOut.running < (limits.parallel ?? fanOut.items.length)) return activation;
  }
  return undefined;
}

/** An attempt of an activation, or of an item, has ended. */
export function answered(turn: RoutedTurn, unit: Activation | Item, outcome: Outcome): void {
  // its child run went on, and ended before it was heard of
  if (unit.state === 'SUSPENDED') turn.activation(unit, 'RUNNING');
  if (unit.timer !== undefined) turn.cancelTimer(unit.timer);
  if (unit.openId !== undefined) turn.abort(unit);
  if ('failure' in outcome) return taken(turn, unit, { failure: located(unit, outcome.failure) });
  const { output } = unit.atom.definition;
  if (output === undefined || turn.isDecided) return taken(turn, unit, outcome);
  const activation = isItem(unit) ? unit.parent : unit;
  evaluating(turn, activation, () => {
    const place = { ...placeOf(turn, activation, outcome), ...(isItem(unit) && { item: unit }) };
    const data = renderedValue(place, output);
    checkSize(data, `the output of ${unit.id}`);
    taken(turn, unit, { value: { data } });
  });
}

function taken(turn: RoutedTurn, unit: Activation | Item, outcome: Outcome): void {
  if (isItem(unit)) settleItem(turn, unit, outcome);
  else concluded(turn, unit, outcome);
}

/** Nobody will answer a delegate (C-1106); of a fan-out no other item is waited for either (C-907). */
export function cancelled(turn: RoutedTurn, unit: Activation | Item, failure: Failure): void {
  const activation = isItem(unit) ? unit.parent : unit;
  abandon(turn, activation);
  turn.activation(activation, 'CANCELLED', { failure: located(unit, failure) });
  noteLost(turn, activation);
}

function settleItem(turn: RoutedTurn, item: Item, outcome: Outcome): void {
  const { parent, atom } = item;
  const { attempts } = atom.definition;
  evaluating(turn, parent, () => {
    const isOwn = attempts?.scope === 'item' && item.state === 'RUNNING' && !turn.isDecided;
    if (isOwn && repeats(turn, item, outcome)) return;
    turn.activation(item, 'failure' in outcome ? 'FAILURE' : 'SUCCESS', outcome);
    const { fanOut } = parent;
    if (!fanOut || fanOut.running > 0) return;
    if (isAllThereIs(turn, parent, fanOut)) concluded(turn, parent, resultOf(fanOut));
  });
}

/** What an attempt of an activation came to; something is made of it at once, or after a while. */
function concluded(turn: RoutedTurn, activation: Activation, outcome: Outcome): void {
  if (turn.isDecided) return settle(turn, activation, outcome);
  const { waitAfterMs } = activation.atom.definition;
  evaluating(turn, activation, () => {
    const place = placeOf(turn, activation, outcome);
    const delayMs = durationAt(place, waitAfterMs, 'wait-after');
    if (delayMs === 0) return judge(turn, activation, outcome);
    turn.activation(activation, 'DELAYED', { delay: 'after', ...outcome });
    setTimer(turn, activation, `${activation.id}/after.${activation.attempt}`, delayMs);
  });
}

/** C-1003: `fail-on`, then the attempt policy, then the end. */
function judge(turn: RoutedTurn, activation: Activation, outcome: Outcome): void {
  const { failOn, attempts } = activation.atom.definition;
  const isRefused =
    !('failure' in outcome) && isSoAt(placeOf(turn, activation, outcome), failOn, 'fail-on') === true;
  const judged = isRefused ? { failure: refused(activation, failOn ?? '') } : outcome;
  if (attempts && attempts.scope !== 'item' && repeats(turn, activation, judged)) return;
  settle(turn, activation, judged);
}

function refused(activation: Activation, failOn: string): Failure {
  return located(activation, failureOf('FAIL_ON', `${activation.id} failed: ${failOn}`, { phase: 'result' }));
}

/** Sees to another attempt, if the policy wants one; false: the outcome stands. */
function repeats(turn: RoutedTurn, unit: Activation | Item, outcome: Outcome): boolean {
  const { attempts } = unit.atom.definition;
  const activation = isItem(unit) ? unit.parent : unit;
  const place = { ...placeOf(turn, activation, outcome), ...(isItem(unit) && { item: unit }) };
  if (!attempts || !isRepeated(place, unit, attempts, outcome)) return false;
  const delayMs = delayBefore(place, unit, attempts, outcome);
  turn.activation(unit, 'DELAYED', 'failure' in outcome ? outcome : {});
  if (delayMs > 0) setTimer(turn, unit, `${unit.id}/0.${unit.attempt + 1}`, delayMs);
  else if (turn.state.flow === 'RUNNING') repeat(turn, unit);
  return true;
}

function repeat(turn: RoutedTurn, unit: Activation | Item): void {
  turn.activation(unit, 'RUNNING', { attempt: unit.attempt + 1 });
  submit(turn, unit);
}

function setTimer(turn: RoutedTurn, { id: atom }: Unit, id: string, delayMs: number): void {
  turn.fact({ fact: 'timer', id, state: 'set', atom, delayMs });
  turn.command({ type: 'startTimer', id, delayMs });
}

/** What it waited with is done now; while the run is suspended nothing is (C-1029). */
export function goOn(turn: RoutedTurn, unit: Activation | Item): void {
  if (turn.state.flow !== 'RUNNING' || turn.isDecided || isOver(unit.state)) return;
  if (!isItem(unit) && unit.isExpired) return expire(turn, unit);
  if (turn.state.delegates.has(unit.id) && unit.timer === undefined)
    return answered(turn, unit, { failure: unanswered(unit.id) });
  if (unit.state !== 'DELAYED' || unit.timer !== undefined) return;
  if (unit.delay === undefined) return repeat(turn, unit);
  if (isItem(unit)) {
    turn.activation(unit, 'RUNNING');
    return settleItem(turn, unit, {});
  }
  if (unit.delay === 'before') return start(turn, unit);
  const { value, failure } = unit;
  turn.activation(unit, 'RUNNING');
  evaluating(turn, unit, () => judge(turn, unit, failure ? { failure } : { ...(value && { value }) }));
}

/**
 * The owner before may have died when only a part of a turn was stored, which may be cut between any two facts (P-406): what that left
 * undecided is decided now.
 */
export function takeUp(turn: RoutedTurn, unit: Activation | Item): void {
  if (turn.state.flow !== 'RUNNING' || isOver(unit.state)) return;
  const { delegates, held } = turn.state;
  const { waitMs } = unit.limits;
  if (delegates.has(unit.id) && unit.timer === undefined && waitMs !== undefined)
    return awaitAnswer(turn, unit, waitMs);
  goOn(turn, unit);
  const isJudged = unit.state === 'RUNNING' && unit.requestId === undefined;
  if (isItem(unit)) return isJudged ? settleItem(turn, unit, {}) : undefined;
  if (unit.state === 'PENDING' && !held.has(unit.id)) return begin(turn, unit);
  if (!isJudged) return;
  const { fanOut, value, failure } = unit;
  if (!fanOut)
    return evaluating(turn, unit, () =>
      judge(turn, unit, failure ? { failure } : { ...(value && { value }) }),
    );
  if (fanOut.running === 0 && isAllThereIs(turn, unit, fanOut)) concluded(turn, unit, resultOf(fanOut));
}

/** No further item of it begins. */
function isAllThereIs(turn: RoutedTurn, { atom }: Activation, { begun, items, failed }: FanOut): boolean {
  const isStopped = turn.isDecided || (atom.definition.onItemError === 'stop' && failed > 0);
  return begun === items.length || isStopped;
}

/** `timeout.total` (C-1025): nothing of it is waited for any more. */
function expire(turn: RoutedTurn, activation: Activation): void {
  const message = `${activation.id} took longer than its timeout.total`;
  abandon(turn, activation);
  const failure = failureOf('TIMEOUT_TOTAL', message, { phase: 'execute', retryable: false });
  settle(turn, activation, { failure: located(activation, failure) });
}

function located({ id, attempt }: Unit, failure: Failure): Failure {
  return { ...failure, phase: failure.phase ?? 'execute', atom: id, ...(attempt > 0 && { attempt }) };
}

/** What the expressions of an activation read; `outcome`: what its attempt came to, which is not recorded yet. */
function placeOf({ state, budget }: RoutedTurn, activation: Activation, outcome?: Outcome): AtActivation {
  const place: AtActivation = { state, budget, context: contextOf(state, activation), activation };
  return outcome ? { ...place, self: selfOf(outcome) } : place;
}

function selfOf(outcome: Outcome): Self {
  return { state: 'failure' in outcome ? 'FAILURE' : 'SUCCESS', ...outcome };
}

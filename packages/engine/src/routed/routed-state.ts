/**
 * Purpose: where one run of a routed flow stands, in memory.
 * States: those of core/states.ts for the flow and each activation.
 * What is authoritative: the journal. This is its fold; it changes in `apply-routed-fact.ts` alone, so that folding the same facts gives
 * the same state.
 * On failure: a change outside the transition tables throws `InvariantError`; the state is then worthless.
 * Not here: what to do next (`routed-step.ts` and what it calls).
 */
import {
  type ActivationState,
  type Argument,
  type Arguments,
  type AttemptLimits,
  type Delay,
  type Environment,
  atomNameOf,
  type Failure,
  type FlowState,
  InvariantError,
  type JsonValue,
  type Lineage,
  type RollbackFact,
  type TakenTransition,
  type Trigger,
  type Value,
} from '@baton/core';
import { Backlog } from './backlog.js';
import { type Context, merged, noContext } from './context.js';
import type { AtomIndex, RoutedAtom, RoutedGraph } from './routed-graph.js';

/** What runs and is repeated: an activation, or an item of one. */
export interface Unit {
  readonly id: string;
  readonly atom: RoutedAtom;
  state: ActivationState;
  /** Number of the last attempt. */
  attempt: number;
  /** Of these, those before a person had it run again: its policy does not count them. */
  spent: number;
  /** What its task was given: the same for each attempt, whatever became of the variables since. */
  args: Arguments;
  /** Of a sub-flow: which flow it runs, and the last resumption that its child run was told of. */
  flow: string | undefined;
  order: number;
  /** Of a sub-flow: the attempts that began and are not undone, each of which has a child run. */
  runs: readonly number[];
  limits: AttemptLimits;
  requestId: string | undefined;
  /** Of a delegate, while a task asks for its answer: the request of that. */
  openId: string | undefined;
  /** Of the delay it is in. */
  timer: string | undefined;
  /** While DELAYED: with what it waits; undefined: with its next attempt. */
  delay: Delay | undefined;
  value: Value | undefined;
  failure: Failure | undefined;
  /** An attempt of it may have done something. */
  hasRun: boolean;
  /** How often it was asked to be undone. */
  reverts: number;
  /** While REVERTING: the failures of the run as they were when the revert was asked for (E-124). */
  flowFailures: FailuresById | undefined;
  revertFailure: Failure | undefined;
}

export type FailuresById = Readonly<Record<string, Failure>>;

/** One element of a fan-out, in one attempt of it. */
export interface Item extends Unit {
  readonly parent: Activation;
  readonly index: number;
  /** By name, as `forEach` has them. */
  readonly variables: ItemVariables;
}

export type ItemVariables = Readonly<Record<string, JsonValue>>;

/** How far a fan-out is; of its items those from `begun` on have not begun. */
export interface FanOut {
  readonly items: readonly Item[];
  begun: number;
  running: number;
  failed: number;
}

/** One arrival of control at an atom (C-301); `name`, then `name#2`, … */
export interface Activation extends Unit {
  readonly triggeredBy: Trigger[];
  /** What it may read; of a join that waits, nothing yet. */
  inbound: Context;
  /** What is read after it, once it is over. */
  outbound: Context;
  published: Arguments;
  next: readonly TakenTransition[];
  fanOut: FanOut | undefined;
  /** A person had it run again. */
  again: Again | undefined;
  /** Of the time that it has in all. */
  totalTimer: string | undefined;
  /** That is over, and nothing has been made of it yet. */
  isExpired: boolean;
}

/** How a person has an activation run again. */
export interface Again {
  /** In place of what its definition says. */
  readonly args: Arguments;
  /** Of a fan-out: the items that succeeded stay. */
  readonly keepsItems: boolean;
}

/** A join that waits: which atoms have arrived, and which never will. */
export interface WaitingJoin {
  readonly activation: Activation;
  readonly arrived: Set<AtomIndex>;
  readonly lost: Set<AtomIndex>;
}

/** What is to be undone: an activation once nothing is left of what it led to (C-1321, C-1322). */
export interface Rollback {
  readonly fact: RollbackFact;
  /** By activation: how many it led to of which something is left. */
  readonly left: Map<string, number>;
  /** Activations that may be undone now. */
  readonly ready: Set<string>;
  /** Fan-outs that are being undone, with the indexes of the items that are left, the next one last. */
  readonly fanOuts: Map<string, number[]>;
  /** Activations and items whose revert failed: nothing more is undone. */
  readonly failed: Set<string>;
  /** Of activations, so far. */
  failures: FailuresById;
}

export interface RoutedOptions {
  readonly flowId: string;
  /** Inputs given with the job. */
  readonly store: Readonly<Record<string, Value>>;
  readonly env?: Environment;
  /** Of a child run. */
  readonly lineage?: Lineage;
}

export interface RoutedState {
  readonly shape: 'routed';
  readonly graph: RoutedGraph;
  readonly flowId: string;
  readonly lineage: Lineage | undefined;
  readonly store: Readonly<Record<string, Value>>;
  /** As it was given, until its expressions are evaluated when the run starts. */
  env: Environment;
  isEnvMade: boolean;
  /** Somebody has changed it since the run started: its child runs, which have what it was, are told. */
  isEnvPatched: boolean;
  flow: FlowState;
  message: JsonValue | undefined;
  /** A person had it end: what its child runs have done stays. */
  isStopped: boolean;
  vars: Arguments;
  readonly globals: Map<string, Argument>;
  /** In the order in which they began. */
  readonly activations: Map<string, Activation>;
  /** By atom: its last activation, and how many it had. */
  readonly latest: (Activation | undefined)[];
  readonly counts: number[];
  /** By atom: how many of its activations are not over. */
  readonly live: number[];
  /** By atom. */
  readonly joins: Map<AtomIndex, WaitingJoin>;
  /** Joins that ended before what they waited for had come. */
  readonly brokenJoins: Set<string>;
  /** Empty at the end of a turn, unless the run is suspended or what is left is for another turn. */
  readonly backlog: Backlog;
  /** Activations whose request is outstanding, in the order of submission; of delegates, that of the task that asks for the answer. */
  readonly outstanding: Set<string>;
  /** Activations and items whose task is the engine's own and has not been evaluated yet, in order. */
  readonly due: Set<string>;
  /** Activations and items that an answer from outside is waited for, in the order they were opened. */
  readonly delegates: Set<string>;
  /** Activations and items whose child run has not ended, in the order they were started. */
  readonly children: Set<string>;
  /** How often the run was resumed. */
  resumes: number;
  /** Requests of child runs that nobody waits for any more. */
  readonly cancelledChildren: Set<string>;
  /** The same for requests that were taken back while suspending; outstanding again with the next run. */
  readonly withdrawn: Set<string>;
  /** Items that are not over, of fan-outs that are not. */
  readonly items: Map<string, Item>;
  /** Fan-outs that are under way and may have an item that has not begun. */
  readonly fanOuts: Set<Activation>;
  /** Activations that begin when the run goes on. */
  readonly held: Set<string>;
  /** Timer → activation or item. */
  readonly timers: Map<string, string>;
  /** The run is being undone, or was. */
  rollback: Rollback | undefined;
  /** Activations that are not over. */
  unfinished: number;
  /** Failed activations of which no error transition was taken (C-421), in the order they failed. */
  readonly unhandled: Set<string>;
  output: Arguments | undefined;
}

/** A run that has not begun. */
export function newRoutedRun(
  graph: RoutedGraph,
  { flowId, store, env = {}, lineage }: RoutedOptions,
): RoutedState {
  return {
    shape: 'routed',
    graph,
    flowId,
    lineage,
    store,
    env,
    isEnvMade: false,
    isEnvPatched: false,
    flow: 'PENDING',
    message: undefined,
    isStopped: false,
    vars: {},
    globals: new Map(),
    activations: new Map(),
    latest: graph.atoms.map(() => undefined),
    counts: graph.atoms.map(() => 0),
    live: graph.atoms.map(() => 0),
    joins: new Map(),
    brokenJoins: new Set(),
    backlog: new Backlog(),
    outstanding: new Set(),
    due: new Set(),
    delegates: new Set(),
    children: new Set(),
    resumes: 0,
    cancelledChildren: new Set(),
    withdrawn: new Set(),
    items: new Map(),
    fanOuts: new Set(),
    held: new Set(),
    timers: new Map(),
    rollback: undefined,
    unfinished: 0,
    unhandled: new Set(),
    output: undefined,
  };
}

export function newActivation(id: string, atom: RoutedAtom): Activation {
  return {
    id,
    atom,
    state: atom.join === undefined ? 'PENDING' : 'WAITING',
    triggeredBy: [],
    inbound: noContext,
    outbound: noContext,
    published: {},
    next: [],
    fanOut: undefined,
    again: undefined,
    totalTimer: undefined,
    isExpired: false,
    ...idle,
  };
}

const idle = {
  attempt: 0,
  spent: 0,
  args: {},
  flow: undefined,
  order: 0,
  runs: [],
  limits: {},
  requestId: undefined,
  openId: undefined,
  timer: undefined,
  delay: undefined,
  value: undefined,
  failure: undefined,
  hasRun: false,
  reverts: 0,
  flowFailures: undefined,
  revertFailure: undefined,
} as const;

/** `isKept`: of the items it has those that succeeded stay. */
export function newFanOut(
  parent: Activation,
  variablesOfEach: readonly ItemVariables[],
  isKept: boolean,
): FanOut {
  const items = variablesOfEach.map((variables, index): Item => {
    const before = parent.fanOut?.items[index];
    if (isKept && before?.state === 'SUCCESS') return before;
    return {
      id: `${parent.id}[${index}]`,
      atom: parent.atom,
      state: 'PENDING',
      ...idle,
      spent: parent.spent,
      hasRun: isKept && before?.hasRun === true,
      runs: before?.runs ?? [],
      parent,
      index,
      variables,
    };
  });
  const fanOut = { items, begun: 0, running: 0, failed: 0 };
  passOver(fanOut);
  return fanOut;
}

/** Items that stay as they are do not begin. */
export function passOver(fanOut: FanOut): void {
  while (fanOut.items[fanOut.begun]?.state === 'SUCCESS') fanOut.begun++;
}

/** Of an activation with its items: the number of the last attempt of any of them. */
export function lastAttemptOf({ attempt, fanOut }: Activation): number {
  return Math.max(attempt, ...(fanOut?.items ?? []).map((item) => item.attempt));
}

/** The id of the next activation of an atom. */
export function nextIdOf({ counts }: RoutedState, { index, name }: RoutedAtom): string {
  const count = counts[index] ?? 0;
  return count === 0 ? name : `${name}#${count + 1}`;
}

/** @throws InvariantError when there is none. */
export function activationOf({ activations, flowId }: RoutedState, id: string): Activation {
  const activation = activations.get(id);
  if (!activation)
    throw new InvariantError('BATON_INVARIANT_TRANSITION', `${flowId} has no activation ${id}`);
  return activation;
}

/** An activation or an item of a fan-out; undefined: there is none that is not over. */
export function findUnit({ activations, items }: RoutedState, id: string): Activation | Item | undefined {
  return activations.get(id) ?? items.get(id);
}

/** @throws InvariantError when there is none. */
export function unitOf(state: RoutedState, id: string): Activation | Item {
  return state.items.get(id) ?? activationOf(state, id);
}

/** Who waits for the answer to a request; undefined: nobody does (C-207). */
export function awaiting(state: RoutedState, requestId: string): Activation | Item | undefined {
  const unit = findUnit(state, atomNameOf(requestId));
  if (unit?.requestId !== requestId) return undefined;
  const { outstanding, delegates, children } = state;
  return [outstanding, delegates, children].some((waiting) => waiting.has(unit.id)) ? unit : undefined;
}

/** The delegate for whose answer this request asks; undefined: none does. */
export function opening(state: RoutedState, requestId: string): Activation | Item | undefined {
  const unit = findUnit(state, atomNameOf(requestId));
  return unit?.openId === requestId ? unit : undefined;
}

/** Of the time that a unit has in all. */
export function totalTimerOf({ id }: Unit): string {
  return `${id}/total`;
}

export function isItem(unit: Activation | Item): unit is Item {
  return 'parent' in unit;
}

/** What an activation may read; of a join that waits, as it would be if it began now (C-509). */
export function contextOf(state: RoutedState, activation: Activation): Context {
  if (activation.state !== 'WAITING') return activation.inbound;
  const sources = new Set(activation.triggeredBy.map((by) => activationOf(state, by.activation)));
  const inDocumentOrder = [...sources].sort((a, b) => a.atom.index - b.atom.index);
  return merged(
    inDocumentOrder.map((source) => source.outbound),
    state.graph.definition.merge,
  );
}

/** Nothing more is executed of it. */
export function isOver(state: ActivationState): boolean {
  return (
    state === 'SUCCESS' ||
    state === 'FAILURE' ||
    state === 'CANCELLED' ||
    state === 'SKIPPED' ||
    isUndo(state)
  );
}

export function isUndo(
  state: ActivationState,
): state is Extract<ActivationState, 'REVERTING' | 'REVERTED' | 'REVERT_FAILURE'> {
  return state === 'REVERTING' || state === 'REVERTED' || state === 'REVERT_FAILURE';
}

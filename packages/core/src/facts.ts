/**
 * Facts: what a journal entry holds. They state what happened, in order, and are folded into the state of a run; nobody
 * decides them again. User values are encoded (`Value`), so facts are plain JSON. (engine.md E-1701, reliability P-401)
 */
import type { Failure } from './failure.js';
import type { Action } from './ids.js';
import type { ActivationState, AtomState, FlowState, Intention } from './states.js';
import type { Arguments, Environment, JsonValue, Value } from './value.js';

/** The flow changed state. */
export interface FlowFact {
  readonly fact: 'flow';
  readonly from: FlowState;
  readonly to: FlowState;
  /** What the run says of its state (C-435); of ordered flows, what a person said who stopped it. */
  readonly message?: JsonValue;
  /** A person had it end here: what its child runs have done stays (C-1306). */
  readonly isStopped?: true;
  /** Routed flows, with their last state (C-713). */
  readonly output?: Arguments;
}

/** An atom changed state. */
export interface AtomFact {
  readonly fact: 'atom';
  readonly atom: string;
  readonly from: AtomState;
  readonly to: AtomState;
  /** Round and attempt of the atom, given when it enters RUNNING or REVERTING. */
  readonly round?: number;
  readonly attempt?: number;
  /** For SUCCESS and REVERTED: what the method returned (absent = nothing). */
  readonly value?: Value;
  /** For FAILURE and REVERT_FAILURE. */
  readonly failure?: Failure;
  /** When a person had a failed revert tried again, took it as done, or had a failed atom skipped. */
  readonly note?: OperatorNote;
}

/** Who gave a command, and why. */
export interface OperatorNote {
  readonly by?: string;
  readonly reason?: string;
}

/** An attempt of a running task failed and its policy asks for another one: the task stays RUNNING, under a new request id. */
export interface AttemptFact {
  readonly fact: 'attempt';
  readonly atom: string;
  /** Number of the attempt that follows, in this round. */
  readonly attempt: number;
  readonly failure: Failure;
}

/** What an atom is meant to do next changed. */
export interface IntentionFact {
  readonly fact: 'intention';
  readonly atom: string;
  readonly to: Intention;
}

/**
 * The same for a whole scope in one fact, so that an entry does not grow with the flow: every descendant of the atom `of`, or every
 * atom of the flow when absent. `RESET` puts them back to PENDING with intention EXECUTE; `IGNORE` sets state and intention, of
 * the atom itself too. `RERUN`: an operator has them run again, the atom itself too; like `RESET`, and controllers begin with an
 * empty history.
 */
export interface ScopeFact {
  readonly fact: 'scope';
  readonly of?: string;
  readonly to: Extract<Intention, 'REVERT' | 'IGNORE'> | 'RESET' | 'RERUN';
  /** When a person wanted it. */
  readonly note?: OperatorNote;
}

/** A failure was added to the last history entry of a retry controller. */
export interface HistoryFact {
  readonly fact: 'history';
  readonly retry: string;
  readonly atom: string;
  readonly failure: Failure;
}

/**
 * A request was given to a worker; written by the conductor before anything is sent (P-904). An atom that is RUNNING or
 * REVERTING without one still waits for a worker. `parked`: its worker was lost and a person has to decide; `waiting`: a person wants it
 * sent again, as the delivery after this one. The engine ignores these.
 */
export interface RequestFact {
  readonly fact: 'request';
  readonly requestId: string;
  readonly atom: string;
  readonly action: Action;
  readonly state: 'assigned' | 'parked' | 'waiting';
  readonly delivery: number;
  /** Workers that were lost with earlier deliveries of this request (a refused delivery is none). */
  readonly losses: number;
  readonly worker: string;
  readonly workerEpoch: string;
  readonly requestPartition: number;
  /** Inbox of the owner, and its consumed position there: a later owner finds an answer at or after it. */
  readonly replyPartition: number;
  readonly replyFrom: number;
}

/**
 * Routed flows: control arrived where a transition led. At an atom it begins an activation, or reaches the join that waits already; at a
 * command it has been carried out.
 */
export interface ArrivalFact {
  readonly fact: 'arrival';
  /** Atom or command. */
  readonly at: string;
  /** The activation that it reached; of commands none. */
  readonly activation?: string;
  /** What led here; the start of the run did when absent. */
  readonly by?: Trigger;
}

/** What had a transition taken: an activation, and the clause of it. */
export interface Trigger {
  readonly activation: string;
  readonly event: RouteEvent;
}

export type RouteEvent = 'success' | 'error' | 'complete' | 'skip';

/** A transition that was taken, in the order they are followed. */
export interface TakenTransition {
  readonly to: string;
  readonly event: RouteEvent;
  /** Of a command: what the run is to say of its state. */
  readonly message?: JsonValue;
}

/** Routed flows: an activation, or an item of one that fans out, changed state. */
export interface ActivationFact {
  readonly fact: 'activation';
  /** `name#2`; of its item 3 `name#2[3]`. */
  readonly activation: string;
  readonly from: ActivationState;
  readonly to: ActivationState;
  /**
   * With RUNNING, when an attempt begins; the first time with what the task is given. With PENDING, when a person has it run again: what it is
   * given instead of what its definition says.
   */
  readonly attempt?: number;
  readonly args?: Arguments;
  /** With PENDING, of one that fans out: the items that succeeded stay. */
  readonly keepsItems?: true;
  /** When a person had it run again or skipped. */
  readonly note?: OperatorNote;
  /** With the first attempt: what it, and each after it, may take; times in ms. */
  readonly limits?: AttemptLimits;
  /** Of a sub-flow, with the first attempt: its name, which may have come of an expression. */
  readonly flow?: string;
  /** With the first attempt of one that fans out: the variables of each item. */
  readonly items?: readonly Readonly<Record<string, JsonValue>>[];
  /** With DELAYED: what is waited with; absent: the next attempt. */
  readonly delay?: Delay;
  /** With SUCCESS: what the task returned, if it is kept; with DELAYED too, when that is still to be judged. With FAILURE and DELAYED: why. */
  readonly value?: Value;
  readonly failure?: Failure;
  /** With a final state: what it published, into its branch and for the whole run; never decided again (C-424). */
  readonly published?: Arguments;
  readonly globals?: Arguments;
  readonly next?: readonly TakenTransition[];
}

/** `before` the first attempt, or `after` one, until something is made of its outcome. */
export type Delay = 'before' | 'after';

export interface AttemptLimits {
  readonly attemptMs?: number;
  readonly queueMs?: number;
  /** Of a delegate: until it is answered. */
  readonly waitMs?: number;
  /** Of a fan-out: items that are under way at once. */
  readonly parallel?: number;
}

/** Routed flows: the run is suspended before this activation begins, which it does when the run goes on (C-1001). */
export interface HeldFact {
  readonly fact: 'held';
  readonly activation: string;
}

/** The task that asks for the answer of a delegate is over; if it has not failed, what is waited for now is the answer (C-1102). */
export interface OpenedFact {
  readonly fact: 'opened';
  /** Of an ordered flow: the atom. */
  readonly activation: string;
}

/** Ordered flows: a delegate is paused, and its run suspended with it; or it goes on, as all of them do when the run does (C-1107). */
export interface PausedFact {
  readonly fact: 'paused';
  readonly atom: string;
  readonly state: 'SUSPENDED' | 'RUNNING';
}

/**
 * Routed flows: a child run that is under way is not wanted any more: it is told to cancel, again by each new owner of its parent and before
 * that leaves the board.
 */
export interface ChildCancelledFact {
  readonly fact: 'childCancelled';
  readonly requestId: string;
}

/** Routed flows: atoms that a waiting join need not wait for any more, because no way leads to them (C-510). */
export interface LostFact {
  readonly fact: 'lost';
  readonly join: string;
  readonly atoms: readonly string[];
}

/** Routed flows: what was made of the environment, and then of the variables, when the run started (C-702, C-711). */
export interface VariablesFact {
  readonly fact: 'variables';
  readonly env?: Environment;
  readonly vars?: Arguments;
}

/** Routed flows: how the run ends is decided. Nothing begins any more, and what ran is undone before the run ends so (C-1321). */
export interface RollbackFact {
  readonly fact: 'rollback';
  /** What the run says of its state, and gives, once it is over. */
  readonly message?: JsonValue;
  readonly output: Arguments;
  /** It was cancelled; absent: it failed. */
  readonly isCancelled?: true;
}

/** A durable timer was set or is over. */
export interface TimerFact {
  readonly fact: 'timer';
  readonly id: string;
  readonly state: 'set' | 'fired' | 'cancelled';
  /** The atom that waits, and for how long from the time of the entry; with `set`. */
  readonly atom?: string;
  readonly delayMs?: number;
  /** Cluster time, ms since 1970; given by the owner that set it. */
  readonly dueAtMs?: number;
}

/** While suspending a request was taken back before a worker began; its atom stays RUNNING or REVERTING and is asked for again by the next run (E-823). */
export interface WithdrawnFact {
  readonly fact: 'withdrawn';
  readonly atom: string;
}

/** An operator command was applied; `n` is its number in the flow. */
export interface CommandFact extends OperatorNote {
  readonly fact: 'command';
  readonly n: number;
  readonly command: string;
  /** It could not be done, and why. */
  readonly refused?: string;
  /** Of an event that the run is told of again, as it had ended no wait: the number of the command that told of it first. */
  readonly first?: number;
  /** Of a parent to its child run: the resumption of the parent to which it belongs. */
  readonly order?: number;
  /** What whoever shall answer a delegate says of how far it is. */
  readonly progress?: DelegateProgress;
}

export interface DelegateProgress {
  /** Of the delegate. */
  readonly requestId: string;
  /** From 0 to 1. */
  readonly fraction?: number;
  readonly note?: string;
}

export type Fact =
  | FlowFact
  | AtomFact
  | AttemptFact
  | IntentionFact
  | ScopeFact
  | HistoryFact
  | RequestFact
  | TimerFact
  | WithdrawnFact
  | CommandFact
  | ArrivalFact
  | ActivationFact
  | ChildCancelledFact
  | LostFact
  | HeldFact
  | OpenedFact
  | PausedFact
  | VariablesFact
  | RollbackFact;

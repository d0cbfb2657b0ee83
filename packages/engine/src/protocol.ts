/**
 * What goes into `step` and what comes out. A driver carries the commands out, in order, after the facts are stored, and feeds
 * the answers back as events (engine.md 8.2, E-1702).
 */
import type {
  Argument,
  Environment,
  EventName,
  Fact,
  Failure,
  FlowOutcome,
  JsonValue,
  Lineage,
  OperatorNote,
  Value,
} from '@baton/core';
import type { DeciderDepth, FlowDefinition, OnWorkerLoss, RoutedFlowDefinition } from '@baton/flow';
import type { Transition } from './apply-fact.js';

export type { Argument } from '@baton/core';

export type Event =
  /** Begin, or go on after a stop: legal in every flow state but FAILURE with a failed revert (E-1315 to E-1319). */
  | { readonly type: 'run' }
  /** A new owner goes on: no change of the flow's state, commands again for what is outstanding. */
  | { readonly type: 'adopt' }
  /** An operator wants a suspended flow to go on, of a routed one with these keys of its environment as they are here; otherwise nothing. */
  | { readonly type: 'resume'; readonly env?: Environment }
  | { readonly type: 'completed'; readonly requestId: string; readonly value?: Value }
  | { readonly type: 'failed'; readonly requestId: string; readonly failure: Failure }
  /** Of a delegate: nobody will answer. Its activation is CANCELLED (C-1106). */
  | { readonly type: 'cancelled'; readonly requestId: string; readonly failure: Failure }
  /** Of a delegate: its answer is waited for so long from now on. */
  | { readonly type: 'extended'; readonly requestId: string; readonly delayMs: number }
  /** Of a delegate: it is paused, and its run suspended with it; or it goes on, and its run once nothing of it is paused (C-1107). */
  | {
      readonly type: 'delegateChanged';
      readonly requestId: string;
      readonly state: 'SUSPENDED' | 'RUNNING';
    }
  /** Routed flows: something happened outside; all that waits for it now has its data as result. */
  | { readonly type: 'eventArrived'; readonly event: EventName; readonly value: Value }
  /** Routed flows: somebody cancelled the child run of this request, and with it this run (C-1305). */
  | { readonly type: 'childCancelled'; readonly requestId: string }
  /**
   * Routed flows: the child run of this request was suspended, or goes on (C-1303). `order`: the last one that it had obeyed then; what it says
   * of a suspension that has been taken back since changes nothing.
   */
  | {
      readonly type: 'childChanged';
      readonly requestId: string;
      readonly state: 'SUSPENDED' | 'RUNNING';
      readonly order: number;
    }
  /** `isShared`: because another child of its parent is paused; else nothing that is paused in it has it go on. */
  | { readonly type: 'suspend'; readonly isShared?: boolean }
  /** A request was taken back before anything was done for it: suspending runs ask for it again with the next run (E-823), stopped ones never. */
  | { readonly type: 'withdrawn'; readonly requestId: string }
  /** Makes a stored run ready for `run`, which does it by itself when it was not done (E-803). */
  | { readonly type: 'prepare' }
  /** Everything back to PENDING; legal from SUCCESS, REVERTED and PENDING (E-806). */
  | { readonly type: 'reset' }
  /**
   * `revert: false` ends CANCELLED at once; `true` undoes what ran and ends REVERTED (C-1305), but for a routed flow whose definition says otherwise; `always`:
   * whatever it says.
   */
  | { readonly type: 'cancel'; readonly revert: boolean | 'always' }
  | RevertEvent
  | StopEvent
  | RepairEvent
  | RerunEvent
  | SkipEvent
  | { readonly type: 'timerFired'; readonly id: string };

/** Whatever ran is undone, of finished flows too (E-1323). `again`: of a run that could not be undone, the reverts that failed are called once more. */
export interface RevertEvent {
  readonly type: 'revert';
  readonly again?: boolean;
}

/**
 * A person has a run end here, and nothing is undone (C-1306). Routed flows: what workers do is finished and recorded, child runs are cancelled; ordered
 * flows: what runs is told to stop. A run that is over: nothing.
 */
export interface StopEvent {
  readonly type: 'stop';
  readonly outcome: 'SUCCESS' | 'FAILURE';
  readonly message?: string;
}

/** A person decides about a failed revert: call it again, or take the atom as undone. The journal keeps who and why (E-1321, E-1322). */
export interface RepairEvent extends OperatorNote {
  readonly type: 'retryRevert' | 'acceptRevert';
  readonly atom: string;
}

/**
 * A person has an ended run run again. Ordered flows: all of it, or the atom `from` and what comes after it; what else was done stays (E-1324).
 * Nothing is reverted before: an undone run begins afresh, of a finished one the results are overwritten. A run that is not over: nothing.
 * Routed flows: the activation `from`, or all that failed unhandled or was cancelled; control goes on from there, and joins that failed for
 * want of it wait again (C-1308). A run in which nothing of the kind is there, or that succeeded or was undone: nothing.
 */
export interface RerunEvent extends OperatorNote {
  readonly type: 'rerun';
  readonly from?: string;
  /** Routed flows, of a fan-out: its list is made anew, and all items run again. Default: those that did not succeed. */
  readonly reset?: boolean;
  /** Routed flows: parameters that are given as they are here, in place of what the definition says. */
  readonly input?: Readonly<Record<string, JsonValue>>;
  /** Routed flows: keys of the environment that are from now on as they are here. */
  readonly env?: Environment;
}

/**
 * A person has an atom left out that failed, and the flow goes on (C-1310). Ordered flows that resolve no failure: it is ignored, with what else
 * a decider of that depth would leave out (default `atom`). Routed flows: the activation is SKIPPED, and control goes on by `on-skip`, or as after
 * success. An atom that did not fail, or whose failure is being resolved: nothing.
 */
export interface SkipEvent extends OperatorNote {
  readonly type: 'skip';
  readonly atom: string;
  readonly depth?: DeciderDepth;
}

/** What a method came to; an absent value: it returned nothing. */
export type Outcome = { readonly value?: Value } | { readonly failure: Failure };

interface RequestCommand {
  readonly atom: string;
  readonly requestId: string;
  readonly round: number;
  readonly attempt: number;
  readonly task: string;
  readonly taskVersion: string;
  readonly args: Readonly<Record<string, Argument>>;
  readonly timeoutMs?: number;
  /** Longest time until a worker has taken it. */
  readonly queueTimeoutMs?: number;
  readonly onWorkerLoss: OnWorkerLoss;
}

export interface ExecuteCommand extends RequestCommand {
  readonly type: 'execute';
  /** The task asks for the answer of a delegate, and is given a link to it: the id under which that answer comes. */
  readonly opens?: string;
}

export interface RevertCommand extends RequestCommand {
  readonly type: 'revert';
  /** What `execute` came to; absent: it never finished or gave nothing. */
  readonly result?: Outcome;
  /** Recorded execute failures by atom name. */
  readonly flowFailures: Readonly<Record<string, Failure>>;
}

/**
 * Routed flows: a flow is to be run as a run of its own, under the id that is given: the same one each time it is told, so that it exists
 * once. What it comes to is `completed`, `failed` or `childCancelled`. Told again to who goes on with the run.
 */
export interface StartChildCommand {
  readonly type: 'startChild';
  readonly atom: string;
  readonly requestId: string;
  /** Of the child. */
  readonly flowId: string;
  readonly definition: FlowDefinition | RoutedFlowDefinition;
  /** By input of the child; parts of values are still to be taken out. */
  readonly args: Readonly<Record<string, Argument>>;
  /** That of its parent, as it was made of what was given: for the child there is nothing to evaluate in it (C-711). */
  readonly env: Environment;
  readonly lineage: Lineage;
  /** It was told before, mostly with effect. */
  readonly isAgain: boolean;
}

/** Nobody waits for this child run any more. Told again to who goes on with the run; nothing comes of it when the child has ended. */
export interface CancelChildCommand {
  readonly type: 'cancelChild';
  readonly requestId: string;
  /** As in the event; of a run that is being undone. */
  readonly revert: boolean | 'always';
  /** Of the child. */
  readonly flowId: string;
}

/**
 * The run is being suspended, or goes on, and its child with it (C-1302, C-1304). `order` grows with each resumption: a child that has obeyed a
 * higher one, or resumes by the same, has nothing to do. Told again to who goes on with the run.
 */
export interface OrderChildCommand {
  readonly type: 'suspendChild' | 'resumeChild';
  readonly requestId: string;
  /** Of the child. */
  readonly flowId: string;
  readonly order: number;
  /** To one that is suspended: because of another child that is, and not at the word of who may resume the run. */
  readonly isShared?: true;
  /** To one that resumes: the environment, of a run in which somebody has changed it. */
  readonly env?: Environment;
}

/**
 * A sub-flow is being undone (C-1209): what this child run of it did is to be undone, whatever it came to, once it has ended. It is `completed` when nothing of
 * it is left to undo, also when there is no such run; else `failed`. Told again to who goes on with the run.
 */
export interface RevertChildCommand {
  readonly type: 'revertChild';
  readonly atom: string;
  readonly requestId: string;
  /** That started the child. */
  readonly childRequestId: string;
  /** Of the undoing: higher when it is asked for once more. */
  readonly attempt: number;
  /** Of the child. */
  readonly flowId: string;
}

/** An event is waited for that has this name and key; it comes as `eventArrived`. Told again to who goes on with the run. */
export interface AwaitEventCommand {
  readonly type: 'awaitEvent';
  readonly atom: string;
  readonly requestId: string;
  readonly attempt: number;
  readonly event: EventName;
}

export type Command =
  | ExecuteCommand
  | RevertCommand
  /** A task of the engine's own in an ordered flow, or in deterministic runs a retry controller, was evaluated; feed the outcome back when its turn has come (E-1421). */
  | {
      readonly type: 'evaluated';
      readonly atom: string;
      readonly requestId: string;
      readonly outcome: Outcome;
    }
  /** Routed flows: an answer from outside is waited for; it comes as `completed` or `failed`. Told again to who goes on with the run. */
  | {
      readonly type: 'openDelegate';
      readonly atom: string;
      readonly requestId: string;
      readonly attempt: number;
      readonly delegate: string;
      readonly args: Readonly<Record<string, Argument>>;
    }
  | AwaitEventCommand
  | StartChildCommand
  | CancelChildCommand
  | OrderChildCommand
  | RevertChildCommand
  /** Nobody waits for this request any more: tell its worker to stop. Its answer changes nothing or is reverted. */
  | { readonly type: 'abort'; readonly atom: string; readonly requestId: string }
  | { readonly type: 'startTimer'; readonly id: string; readonly delayMs: number }
  | { readonly type: 'cancelTimer'; readonly id: string }
  /** Suspended: nothing runs, nothing starts before `run` or `resume`. */
  | { readonly type: 'suspended' }
  /** The run is over. Failures: all recorded on atoms, execute failures first (E-809); each names its atom. */
  | { readonly type: 'finish'; readonly outcome: FlowOutcome; readonly failures: readonly Failure[] };

/**
 * States of the machine of a run, as far as the engine knows them (E-811 to E-821): waiting for what is outstanding, and looking at
 * what arrived, are the driver's, and told here only where nothing is outstanding.
 */
export type MachineState = 'RESUMING' | 'SCHEDULING' | 'WAITING' | 'ANALYZING' | 'SUCCESS' | 'REVERTED';

/** Told of a turn while it is decided; for engines whose driver must see each change at the moment it is made. */
export interface Watch {
  /** A state changed. True: the flow is to be suspended right here, in the middle of the turn. */
  changed?(transition: Transition, fact: Fact): boolean;
  /** The machine of the run enters a state, before it does its work (E-1417). True: suspend. */
  entering?(state: MachineState): boolean;
  command?(command: Command): void;
}

/** One turn: the facts go into one journal entry, the commands follow once it is stored. Both empty: nothing happened. */
export interface Turn {
  readonly facts: readonly Fact[];
  readonly commands: readonly Command[];
  /** Its expressions cost as much as those of one turn may: a driver gives others their turn before it takes the next event. */
  readonly isDear?: boolean;
}

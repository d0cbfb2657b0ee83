/**
 * A routed flow as data: control moves along transitions, cycles are legal, and an atom may run several times (control-flow.md C-101).
 * The other shape, where order comes from data and links, is in `definition.ts`; shapes are not mixed in one level (C-102).
 */
import type { JsonValue } from '@baton/core';
import type {
  AttemptPolicy,
  DelegateFields,
  ExpressionDefinition,
  Extraction,
  FlowDefinition,
  Inputs,
  OnWorkerLoss,
} from './definition.js';

/** JSON data; in its texts `${…}` inserts CEL. A text that is one insertion keeps the kind of its value (C-801, C-802). */
export type Template = JsonValue;
export type Templates = Readonly<Record<string, Template>>;

/** A routed flow with the version of its shape: what a conductor is given. */
export interface RoutedFlowDefinition {
  readonly schemaVersion: 1;
  readonly root: RoutedDefinition;
  /** Flows that its atoms name, and theirs (C-1203): made by `withFlows`. None of them has flows of its own. */
  readonly flows?: Readonly<Record<string, FlowDefinition | RoutedFlowDefinition>>;
}

export interface RoutedDefinition {
  readonly kind: 'routed';
  readonly name: string;
  /** Inputs that must be given (C-601). */
  readonly requires?: readonly string[];
  /** Inputs that may be left out, with the values they then have. */
  readonly optional?: Readonly<Record<string, JsonValue>>;
  /** Made once, when the run starts, from inputs and environment; they shadow inputs (C-702). */
  readonly vars?: Templates;
  readonly atoms: readonly RoutedAtomDefinition[];
  /** Default: atoms that no transition names (C-425). */
  readonly start?: readonly string[];
  /** Default: the whole final context (C-713). */
  readonly output?: Templates;
  readonly outputOnError?: Templates;
  /** How a published map is put onto one of the same name: it replaces it, or, `deep`, is merged into it (C-706). */
  readonly merge?: 'deep';
  /**
   * A run that fails, or is cancelled, is undone: what ran is reverted, the last first along the ways that control took, and the run ends
   * REVERTED, or FAILURE when a revert fails (C-1321). Default: what ran stays as it is.
   */
  readonly rollback?: 'completed';
  /** An expression that fails ends the flow (default), or is a failure of its atom like any other (C-808). */
  readonly onExpressionError?: 'fail-atom';
}

/** A literal, or CEL that gives it when it is needed; its kind is checked then. */
export type Given<T> = T | ExpressionDefinition;

/** Repeats of an atom without undoing anything (C-1011 to C-1018). Delays in ms. */
export interface RoutedAttemptPolicy extends Omit<AttemptPolicy, 'max' | 'delayMs'> {
  /** How often it runs at most, 1 or more. */
  readonly max: Given<number>;
  /** Before the second attempt; `backoff` says how it grows. */
  readonly delayMs?: Given<number>;
  readonly maxDelayMs?: number;
  /** Takes 50 to 100 % of each delay. */
  readonly jitter?: boolean;
  /** Failure types that are not worth repeating. */
  readonly stopOn?: readonly string[];
  /** CEL, asked about a failure: true lets it stand. */
  readonly breakOn?: string;
  /** CEL, asked about every outcome: true repeats a success too, false lets a failure stand. */
  readonly continueOn?: string;
  /** Of a fan-out: each item that fails is repeated by itself, instead of all of them together (C-908). */
  readonly scope?: 'item';
}

/** In ms. */
export interface RoutedTimeouts {
  /** Of each attempt, from when a worker has taken it. */
  readonly attemptMs?: Given<number>;
  /** Of each attempt, until a worker has taken it. */
  readonly queueMs?: Given<number>;
  /** Of each attempt of a delegate, until it is answered, or of a wait for an event; default seven days (C-1111). */
  readonly waitMs?: Given<number>;
  /** Of the whole activation, from its first attempt on; delays included. */
  readonly totalMs?: Given<number>;
}

export interface RoutedAtomDefinition extends Inputs, DelegateFields {
  /** Unique in the flow; no command. */
  readonly name: string;
  /** Name under which workers offer it. Without it, and no delegate or flow: a decision point, which succeeds at once with nothing. */
  readonly task?: string;
  /**
   * Instead of a task: a flow of that name in `flows`, run apart from this one. `input` is what it is given, with variables that have the
   * names of its other inputs; its output is the result (C-1202).
   */
  readonly flow?: Given<string>;
  /** `major.minor`. Default `1.0`. */
  readonly version?: string;
  readonly timeout?: RoutedTimeouts;
  readonly attempts?: RoutedAttemptPolicy;
  /** True: the run is suspended before the activation begins (C-1001). */
  readonly pauseBefore?: Given<boolean>;
  /** Once, before the first attempt. */
  readonly waitBeforeMs?: Given<number>;
  /** After each attempt, before anything is made of its outcome. */
  readonly waitAfterMs?: Given<number>;
  /** CEL, asked about a success: true makes it a failure (C-1004). */
  readonly failOn?: string;
  /** Variable → list: one task for each element, lists of equal length in step (C-901, C-902). The result is the list of results. */
  readonly forEach?: Templates;
  /** Items that are under way at once; absent: all. */
  readonly parallel?: Given<number>;
  /** An item that fails lets no further one begin (C-906). */
  readonly onItemError?: 'stop';
  /** Default `resend`. */
  readonly onWorkerLoss?: OnWorkerLoss;
  /** Parameter → what is given for it; an expression gives all of them as one map (C-602). */
  readonly input?: Templates | { readonly expr: string };
  /** What its result is made: of a success, with what came as `self.result`. Not where runs are undone, as its task must be given what came. */
  readonly output?: Template;
  /** Symbol → where in the result: published into the branch like the rest (C-703). */
  readonly provides?: Readonly<Record<string, Extraction>>;
  readonly publish?: PublishDefinition;
  readonly publishOnError?: PublishDefinition;
  readonly publishOnSkip?: PublishDefinition;
  /** False: after publishing the result is dropped (C-712). */
  readonly keepResult?: boolean;
  readonly onSuccess?: ClauseDefinition;
  readonly onError?: ClauseDefinition;
  readonly onComplete?: ClauseDefinition;
  readonly onSkip?: ClauseDefinition;
  readonly join?: JoinDefinition;
}

/** The task that waits for an event from outside (C-1113). */
export const waitEventTask = 'std.wait-event';

/** Its result comes from outside: the name under which that is waited for. */
export function awaitedOutside({
  delegate,
  task,
}: {
  readonly delegate?: string | undefined;
  readonly task?: string | undefined;
}): string | undefined {
  return delegate ?? (task === waitEventTask ? task : undefined);
}

export function isRouted(flow: FlowDefinition | RoutedFlowDefinition): flow is RoutedFlowDefinition {
  return flow.root.kind === 'routed';
}

/** `all` arrivals, so many, or all those that still can come (C-504 to C-506). */
export type JoinDefinition = 'all' | 'reached' | number;

export interface PublishDefinition {
  /** Seen by what follows on this branch. */
  readonly branch?: Templates;
  /** Seen by the whole run. */
  readonly global?: Templates;
}

export interface ClauseDefinition {
  readonly publish?: PublishDefinition;
  readonly next?: readonly TransitionDefinition[];
}

export interface TransitionDefinition {
  /** An atom, or a command. */
  readonly to: string;
  /** CEL; absent: always. */
  readonly when?: string;
  /** Commands only: what the run says of its state (C-435). */
  readonly message?: Template;
}

/** Names that a transition may lead to and no atom may have (C-436). */
export const routeCommands = ['noop', 'fail', 'succeed', 'suspend'] as const;
export type RouteCommand = (typeof routeCommands)[number];

export function isRouteCommand(name: string): name is RouteCommand {
  return (routeCommands as readonly string[]).includes(name);
}

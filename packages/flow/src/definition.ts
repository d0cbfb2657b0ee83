/**
 * A flow as data: what is posted with a job, pinned by its hash, and compiled by every conductor in the same way (engine.md section 15).
 * No function, class or module name; builders, YAML and hand-written JSON all end here.
 */
import type { JsonValue } from '@baton/core';
import type { Expects } from './expects.js';

/** Readers accept this version; an unknown field is kept (E-1504). */
export const flowSchemaVersion = 1;

export interface FlowDefinition {
  readonly schemaVersion: 1;
  readonly root: NodeDefinition;
  readonly options?: FlowOptions;
}

export interface FlowOptions {
  /** A controller that gives up asks its parent, up to "revert everything" (E-624). Default true; false is TaskFlow's own default. */
  readonly deferReverts?: boolean;
  /** FAILURE at the first failure: no retry, no revert (E-1411). Default false. */
  readonly neverResolve?: boolean;
}

export type NodeDefinition = TaskDefinition | PatternDefinition;

/** Where the value of a provided symbol is found in the result: the whole (`null`), an element, or a key (E-103). */
export type Extraction = null | number | string;

/** What an atom takes and gives. Parameters are bound to the symbol of their own name unless `rebind` says otherwise. */
export interface Inputs {
  /** Required parameters, in declaration order. */
  readonly requires?: readonly string[];
  /** Parameters that may be absent. */
  readonly optional?: readonly string[];
  /** Parameter → symbol. */
  readonly rebind?: Readonly<Record<string, string>>;
}

export interface AtomDefinition extends Inputs {
  /** Unique over the whole flow; ties the atom to its record (E-101). */
  readonly name: string;
  /** Constants of this atom alone: symbol → value (E-108). */
  readonly inject?: Readonly<Record<string, JsonValue>>;
  /** Symbol → where in the result. */
  readonly provides?: Readonly<Record<string, Extraction>>;
  /** Inputs of `revert`; absent = those of `execute` (E-109). */
  readonly revertInputs?: Inputs;
  /** Orders what becomes ready together, higher first; equal ones go by document order (E-113). Default 0. */
  readonly priority?: number;
}

/** What happens to a request whose worker is gone: sent again under the same id, failed, or left for an operator. */
export type OnWorkerLoss = 'resend' | 'fail' | 'park';

/** Whose result comes from outside: a person's answer, or that of another system (C-1101). */
export interface DelegateFields {
  /** Instead of a task: the name by which those outside know what is waited for. */
  readonly delegate?: string;
  /** With a delegate: what its answer must be; absent: anything. */
  readonly expects?: Expects;
  /**
   * With a delegate: the task that asks for the answer, run by a worker as each attempt begins, with the inputs of the atom and, in its context, a link
   * (`TaskContext.url`). What it returns is of no account; when it fails, so does the attempt (C-1101).
   */
  readonly open?: string;
}

export interface TaskDefinition extends AtomDefinition, DelegateFields {
  readonly kind: 'task';
  /** Name under which workers offer it. Default: the atom's name. */
  readonly task?: string;
  /** `major.minor`; a worker of the same major and at least this minor may run it (E-1305). Default `1.0`. */
  readonly version?: string;
  readonly timeout?: TaskTimeouts;
  /** Default `resend`. */
  readonly onWorkerLoss?: OnWorkerLoss;
  readonly attempts?: AttemptPolicy;
}

export interface TaskTimeouts {
  readonly attemptMs?: number;
  /** Until a worker has taken it. */
  readonly queueMs?: number;
  /** Of each attempt of a delegate, until it is answered, or of a wait for an event; default seven days (C-1111). */
  readonly waitMs?: number;
}

/** Repeats of one task without any revert (S11); not a retry controller. */
export interface AttemptPolicy {
  readonly max: number;
  readonly delayMs?: number;
  readonly backoff?: 'constant' | 'linear' | 'exponential';
  /** Failure types that are worth repeating; absent = all retryable ones. */
  readonly retryOn?: readonly string[];
}

export interface PatternDefinition {
  readonly kind: 'linear' | 'unordered' | 'graph';
  /** Need not be unique. */
  readonly name: string;
  readonly retry?: RetryDefinition;
  readonly children?: readonly NodeDefinition[];
  /** Graph only: complete, automatic links included, in the order they were made. */
  readonly links?: readonly LinkDefinition[];
}

export type DeciderDepth = 'all' | 'flow' | 'neighbors' | 'atom';

/** CEL, evaluated in the engine under limits (E-509). */
export interface ExpressionDefinition {
  readonly expr: string;
}

/** A CEL expression, or the name of a function that in-process engines are given; the latter cannot be posted (E-509). */
export type DeciderDefinition = ExpressionDefinition | { readonly local: string };

export interface LinkDefinition {
  /** Indexes into the children of the graph. */
  readonly from: number;
  readonly to: number;
  /** Symbols for which the link was made automatically; absent: made by hand. */
  readonly symbols?: readonly string[];
  readonly decider?: DeciderDefinition;
  /** Default `all`. */
  readonly depth?: DeciderDepth;
}

export type RetryKind =
  'alwaysRevert' | 'alwaysRevertAll' | 'times' | 'forEach' | 'parameterizedForEach' | 'custom';

/** A retry controller (engine.md section 6). Name default: `<flow>_retry`. A `parameterizedForEach` requires the parameter `values`. */
export interface RetryDefinition extends Omit<AtomDefinition, 'name'> {
  readonly name?: string;
  readonly kind: RetryKind;
  /** `times`: total number of runs. Default 1. */
  readonly attempts?: number;
  /** `forEach`. */
  readonly values?: readonly JsonValue[];
  /** `custom`: gives `"RETRY"`, `"REVERT"` or `"REVERT_ALL"` from `attempt`, `failure`, `history` and `args` (E-619). */
  readonly onFailure?: ExpressionDefinition;
  /** Give up by reverting the whole flow instead of asking the parent controller. Default false. */
  readonly revertAll?: boolean;
  /** `times`: retry only failures of these types (E-618). */
  readonly on?: readonly string[];
  readonly backoff?: BackoffDefinition;
}

/** Delay between "everything is undone" and the next round (E-617). */
export interface BackoffDefinition {
  readonly kind: 'constant' | 'linear' | 'exponential';
  readonly initialMs: number;
  readonly maxMs?: number;
  /** Spread each delay over 50 to 100 %. Default false. */
  readonly jitter?: boolean;
}

/** The name of a pattern's retry controller. */
export function retryNameOf(pattern: PatternDefinition): string {
  return pattern.retry?.name ?? `${pattern.name}_retry`;
}

/** Bounds of one flow (E-1801, E-1802), and of the rounds that a retry controller may ask for before it is undone (E-1803). */
export const flowLimits = Object.freeze({ atomsMax: 100_000, depthMax: 64, roundsMax: 1_000 });

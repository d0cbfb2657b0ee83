import type { ActivationState, AtomState, Failure, JsonValue } from '@baton/core';
import type { Expects } from '@baton/flow';

export interface AtomReport {
  readonly name: string;
  /** Of routed flows: one arrival of control at an atom, `name#2` for the second. */
  readonly kind: 'task' | 'retry' | 'activation';
  readonly state: AtomState | ActivationState;
  /** Of a task: the last attempt, of its revert once that has begun. */
  readonly attempt?: number;
  /** The round in which it last ran; of a retry controller, the last one that it began. */
  readonly round?: number;
  /** Who has its request, and which delivery of it; only while one is open. */
  readonly worker?: string;
  readonly delivery?: number;
  /** That worker was lost, and a person has to decide (`Client.decideParked`). */
  readonly parked?: true;
  /** Of a sub-flow that has begun: the job of its last attempt. */
  readonly child?: string;
  /** It waits for an answer from outside (`Client.answerDelegate`), known by this name. */
  readonly delegate?: string;
  /** When nobody waits for that any more, ms since 1970, and what the answer must be (absent: anything). */
  readonly dueAtMs?: number;
  readonly expects?: Expects;
  /** How far whoever shall answer says it is, the last time it was told. */
  readonly progress?: { readonly fraction?: number; readonly note?: string; readonly atMs: number };
  /** What it was given, as far as that is not stored apart: shown to who answers. */
  readonly args?: Readonly<Record<string, JsonValue>>;
  /** RUNNING or REVERTING, and no worker has it: none offers the task, or none has room. */
  readonly waitingForWorker?: boolean;
  /** RUNNING or REVERTING, and no worker has it before the suspended job is resumed. */
  readonly heldBack?: true;
  /** RUNNING or REVERTING when the run was ended without undoing it: nobody waits for it any more. */
  readonly abandoned?: boolean;
  readonly failure?: Failure;
}

import type { Failure, Fence, Logger } from '@baton/core';

/** Second argument of `execute` and `revert`: small and frozen (experience S8). */
export interface TaskContext {
  /**
   * Aborted by cancel, drain deadline, timeout or a lost session. The reason is an error with the `code`
   * `BATON_CONFLICT_CANCELLED`, `BATON_UNAVAILABLE_DRAINING`, `BATON_UNAVAILABLE_DEADLINE` or `BATON_UNAVAILABLE_SESSION_LOST`.
   */
  readonly signal: AbortSignal;
  readonly flowId: string;
  readonly atom: string;
  /** From 1, in this retry round. */
  readonly attempt: number;
  /** How often the innermost retry controller has executed. */
  readonly round: number;
  readonly requestId: string;
  /** n-th sending of this request, from 1. */
  readonly delivery: number;
  /** Proof of the owner at the time of sending; give it to systems that can check it. */
  readonly fence: Fence;
  /** Equal for every repetition of the same work: after a takeover, a re-send, another attempt. New in a new retry round. */
  readonly idempotencyKey: string;
  /** Wall time in ms at which the attempt is aborted; absent = no limit. */
  readonly deadline?: number;
  /**
   * Of a task that asks for the answer of a delegate (`open`): a link that takes it, and the token in it; whoever has one of them can answer, once. They
   * are secrets: give them to who shall answer, and to no log. Not there in process, where a task stands for who answers.
   */
  readonly url?: string;
  readonly token?: string;
  /** Id of the worker that runs it. */
  readonly worker: string;
  readonly log: Logger;
  /** 0 to 1, clamped; best effort, never changes the outcome. */
  progress(fraction: number, message?: string): void;
}

/** What `revert` gets in addition. */
export interface RevertContext<V> extends TaskContext {
  /** What `execute` returned, its failure, or `undefined` when it never finished (E-123). */
  readonly result: V | Failure | undefined;
  /** Recorded execute failures by atom name (E-124). */
  readonly flowFailures: Readonly<Record<string, Failure>>;
}

import type { Failure, Value } from '@baton/core';
import type { Argument } from './protocol.js';
import type { HistoryEntry } from './run-state.js';

/** Functions an in-process engine is given; a posted flow has none (E-509, E-619). All are pure and called in the engine's turn. */
export interface LocalFunctions {
  /** By name of the retry; replaces the kind written in the definition. */
  readonly retries?: Readonly<Record<string, RetryController>>;
  /** By the name in `decider: { local }`. True means run. */
  readonly deciders?: Readonly<Record<string, Decider>>;
}

export interface RetryCall {
  readonly args: Readonly<Record<string, Argument>>;
  readonly history: readonly HistoryEntry[];
  /** The retry's own execute failure, if it has one. */
  readonly failure: Failure | undefined;
}

export type Decision = 'RETRY' | 'REVERT' | 'REVERT_ALL';

/** What a retry controller does; whatever a method throws is a failure of the retry (E-605, E-642). */
export interface RetryController {
  /** The value it provides in this round. */
  execute(call: RetryCall): Value | undefined;
  onFailure(call: RetryCall): Decision;
  /** What it gives is recorded, and nothing else. */
  revert?(call: RetryCall & { readonly flowFailures: Readonly<Record<string, Failure>> }): Value | undefined;
}

export interface DeciderCall {
  readonly from: string;
  readonly to: string;
  /** Results by source name, over all links with a decider that reach the target. */
  readonly history: Readonly<Record<string, Value | undefined>>;
}

export type Decider = (call: DeciderCall) => boolean;

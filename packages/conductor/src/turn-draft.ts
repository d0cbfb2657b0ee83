import type { Fact, Failure, FlowOutcome } from '@baton/core';
import type { OutsideCommand } from './family.js';
import type { Assignment } from './in-flight.js';
import type { OpenRequest } from './request-table.js';

export interface Finish {
  readonly outcome: FlowOutcome;
  readonly failures: readonly Failure[];
}

/** One turn, to be stored; the rest of it only afterwards. */
export interface TurnDraft {
  readonly facts: readonly Fact[];
  readonly assignments: readonly Assignment[];
  /** Requests whose answers are in the facts: their workers may drop them. */
  readonly answers: readonly OpenRequest[];
  /** Requests nobody waits for any more. */
  readonly aborts: readonly OpenRequest[];
  /** Requests of a former owner that may still run or be answered. */
  readonly adopted: readonly OpenRequest[];
  /** Child runs to start or tell something, events to wait for. */
  readonly outside: readonly OutsideCommand[];
  readonly finish: Finish | undefined;
}

/** What is to be done once the facts of a turn are stored. */
export interface Follow {
  readonly adopted: OpenRequest[];
  readonly outside: OutsideCommand[];
  readonly aborts: OpenRequest[];
  readonly isTakeover: boolean;
}

/** A turn that is being computed. */
export interface TurnParts {
  readonly facts: Fact[];
  readonly answers: OpenRequest[];
  readonly follow: Follow;
}

/** What became of one input: whether it took long; of a command, why nothing comes of it. */
export interface Taken {
  readonly isDear: boolean;
  readonly refused?: string;
}

import type { Fact } from './facts.js';
import type { Failure } from './failure.js';
import type { Fence } from './fence.js';
import type { Lineage } from './ids.js';
import type { FlowOutcome } from './states.js';
import type { Environment, Value } from './value.js';

/**
 * One document of the journal: everything one engine turn of one flow decided (DESIGN 7). `seq` is contiguous from 0; the id
 * `<flowId>:<seq>` is the compare-and-set and the fence. Never changed after it was stored.
 */
interface EntryCommon {
  readonly flowId: string;
  readonly seq: number;
  readonly fence: Fence;
  /** Tells the writer's own entry from somebody else's after a lost answer. */
  readonly opId: string;
  /** Wall time of the writer, for display. */
  readonly atMs: number;
  readonly facts: readonly Fact[];
}

/** Entry 0: written by the poster. */
export interface PostEntry extends EntryCommon {
  readonly kind: 'post';
  readonly post: {
    readonly name: string;
    /** SHA-256 of the canonical flow JSON, hexadecimal; the id of the definition document. */
    readonly definitionHash: string;
    /** Symbols given with the job. */
    readonly store: Readonly<Record<string, Value>>;
    /** As it was given; what is made of the expressions in it is a fact of the first turn. */
    readonly env?: Environment;
    /** Of a child run. */
    readonly lineage?: Lineage;
  };
}

/** A new owner: from here on lower fences are refused. On a takeover it holds no facts. */
export interface ClaimEntry extends EntryCommon {
  readonly kind: 'claim';
  readonly claim: {
    readonly member: string;
    readonly life: number;
    /** Inbox of the owner and its consumed position there. */
    readonly replyPartition: number;
    readonly replyFrom: number;
    /** How often the job was claimed in this life, this time included. */
    readonly claims: number;
  };
}

export interface TurnEntry extends EntryCommon {
  readonly kind: 'turn';
}

/** The last turn of a run. A tombstone: the flow never runs again under this id, unless it is reopened. */
export interface TerminalEntry extends EntryCommon {
  readonly kind: 'terminal';
  readonly outcome: FlowOutcome;
  /** Why the run ended without the engine: bad definition, poison job. */
  readonly reason?: Failure;
}

/**
 * Behind the claim entry of an owner that found the run over and a command of a person about that: the tombstone is none any more (P-604). It
 * holds no facts; what the command comes to is the turn that follows.
 */
export interface ReopenEntry extends EntryCommon {
  readonly kind: 'reopen';
}

export type JournalEntry = PostEntry | ClaimEntry | TurnEntry | TerminalEntry | ReopenEntry;
